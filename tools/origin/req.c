/* SPDX-License-Identifier: MIT */
#include "tools/origin/req.h"

#include <string.h>
#include <strings.h>

#define CHUNK_LINE_BYTES   64
#define TRAILER_LINE_BYTES 4096

struct field {
	const char *name;
	const char *value;
	size_t name_len;
	size_t value_len;
};

static bool
is_token_char(unsigned char c)
{
	return c > ' ' && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool
is_name(const struct field *f, const char *name)
{
	return strlen(name) == f->name_len &&
	    strncasecmp(f->name, name, f->name_len) == 0;
}

/* Whether a comma-separated list holds the token. */
static bool
has_token(const struct field *f, const char *token)
{
	const char *p = f->value, *end = p + f->value_len;
	size_t want = strlen(token);

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		const char *last = stop;

		while (p < last && (*p == ' ' || *p == '\t'))
			p++;
		while (last > p && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		if ((size_t)(last - p) == want &&
		    strncasecmp(p, token, want) == 0)
			return true;
		p = stop + 1;
	}
	return false;
}

/* Decimal digits only; false on anything else or when it overflows. */
static bool
parse_length(const struct field *f, uint64_t *length_r)
{
	uint64_t n = 0;

	if (f->value_len == 0 || f->value_len > 18)
		return false;
	for (size_t i = 0; i < f->value_len; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(f->value[i] - '0');
	}
	*length_r = n;
	return true;
}

/* METHOD SP /path?query SP HTTP/1.x, len without the CRLF. */
static bool
parse_request_line(struct req *req, const char *line, size_t len)
{
	const char *end = line + len, *sp, *target, *q;

	sp = memchr(line, ' ', len);
	if (!sp || sp == line)
		return false;
	for (const char *p = line; p < sp; p++)
		if (!is_token_char((unsigned char)*p))
			return false;
	req->method = line;
	req->method_len = (size_t)(sp - line);
	target = sp + 1;
	sp = memchr(target, ' ', (size_t)(end - target));
	if (!sp || sp == target || end - sp != 9 ||
	    memcmp(sp, " HTTP/1.", 8) != 0)
		return false;
	if (sp[8] != '0' && sp[8] != '1')
		return false;
	req->http10 = sp[8] == '0';
	req->keep = !req->http10;
	if (*target != '/') { /* absolute-form: skip scheme and authority */
		q = memmem(target, (size_t)(sp - target), "://", 3);
		target = q ? memchr(q + 3, '/', (size_t)(sp - q - 3)) : NULL;
		if (!target)
			return false;
	}
	q = memchr(target, '?', (size_t)(sp - target));
	req->path = target;
	req->path_len = (size_t)((q ? q : sp) - target);
	req->query = q ? q + 1 : sp;
	req->query_len = (size_t)(sp - req->query);
	return true;
}

static bool
parse_framing(struct req *req, const struct field *f)
{
	if (is_name(f, "content-length")) {
		if (req->body != REQ_BODY_NONE ||
		    !parse_length(f, &req->length))
			return false;
		req->body = REQ_BODY_LENGTH;
		return true;
	}
	if (req->body != REQ_BODY_NONE || req->http10 || f->value_len != 7 ||
	    strncasecmp(f->value, "chunked", 7) != 0)
		return false;
	req->body = REQ_BODY_CHUNKED;
	return true;
}

static bool
parse_field(struct req *req, const struct field *f)
{
	switch (f->name_len) {
	case 6:
		if (is_name(f, "expect"))
			req->expect = has_token(f, "100-continue");
		return true;
	case 7:
		if (is_name(f, "upgrade") && has_token(f, "websocket"))
			req->ws_token = true;
		return true;
	case 10:
		if (!is_name(f, "connection"))
			return true;
		if (has_token(f, "close"))
			req->keep = false;
		else if (has_token(f, "keep-alive"))
			req->keep = true;
		if (has_token(f, "upgrade"))
			req->upgrade = true;
		return true;
	case 14:
		return !is_name(f, "content-length") || parse_framing(req, f);
	case 17:
		if (is_name(f, "transfer-encoding"))
			return parse_framing(req, f);
		if (is_name(f, "sec-websocket-key") &&
		    f->value_len < sizeof(req->key)) {
			memcpy(req->key, f->value, f->value_len);
			req->key[f->value_len] = '\0';
		}
		return true;
	default:
		return true;
	}
}

/* One header line without its CRLF. */
static bool
split_field(const char *line, size_t len, struct field *f_r)
{
	const char *colon = memchr(line, ':', len), *end = line + len;

	if (!colon || colon == line)
		return false;
	for (const char *p = line; p < colon; p++)
		if (!is_token_char((unsigned char)*p))
			return false;
	if (memchr(line, '\r', len) || memchr(line, '\0', len))
		return false;
	f_r->name = line;
	f_r->name_len = (size_t)(colon - line);
	colon++;
	while (colon < end && (*colon == ' ' || *colon == '\t'))
		colon++;
	while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	f_r->value = colon;
	f_r->value_len = (size_t)(end - colon);
	return true;
}

ssize_t
req_parse(const char *buf, size_t len, struct req *req_r)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4), *line, *eol;
	struct field f;

	if (!end)
		return 0;
	memset(req_r, 0, sizeof(*req_r));
	end += 2; /* the last header's CRLF included */
	eol = memmem(buf, (size_t)(end - buf), "\r\n", 2);
	if (!parse_request_line(req_r, buf, (size_t)(eol - buf)))
		return -1;
	for (line = eol + 2; line < end; line = eol + 2) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol || eol[-1] != '\r')
			return -1;
		eol--;
		if (!split_field(line, (size_t)(eol - line), &f) ||
		    !parse_field(req_r, &f))
			return -1;
	}
	return end + 2 - buf;
}

bool
req_path_is(const struct req *req, const char *path)
{
	return strlen(path) == req->path_len &&
	    memcmp(req->path, path, req->path_len) == 0;
}

void
req_decoder_init(struct req_decoder *dec, const struct req *req)
{
	dec->chunked = req->body == REQ_BODY_CHUNKED;
	dec->left = req->body == REQ_BODY_LENGTH ? req->length : 0;
	if (dec->chunked)
		dec->state = DEC_SIZE;
	else
		dec->state = dec->left ? DEC_DATA : DEC_DONE;
}

/* Returns the line's length with its CRLF, 0 for more, -1 for none. */
static ssize_t
find_line(const char *buf, size_t len, size_t max)
{
	const char *nl = memchr(buf, '\n', len);

	if (!nl)
		return len > max ? -1 : 0;
	if (nl == buf || nl[-1] != '\r' || (size_t)(nl - buf) > max)
		return -1;
	return nl + 1 - buf;
}

static ssize_t
decode_size(struct req_decoder *dec, const char *buf, size_t len)
{
	ssize_t line = find_line(buf, len, CHUNK_LINE_BYTES);
	uint64_t n = 0;
	ssize_t i;

	if (line <= 0)
		return line;
	for (i = 0; i < line - 2; i++) {
		int c = (unsigned char)buf[i] | 0x20;

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (i == 0 || i > 15 || (i < line - 2 && buf[i] != ';'))
		return -1;
	dec->left = n;
	dec->state = n ? DEC_DATA : DEC_TRAILER;
	return line;
}

ssize_t
req_decode(struct req_decoder *dec, const char *buf, size_t len,
    const char **data_r, size_t *data_len_r)
{
	ssize_t line;

	*data_len_r = 0;
	if (len == 0)
		return 0;
	switch (dec->state) {
	case DEC_DATA:
		*data_r = buf;
		*data_len_r = len < dec->left ? len : (size_t)dec->left;
		dec->left -= *data_len_r;
		if (dec->left == 0)
			dec->state = dec->chunked ? DEC_CRLF : DEC_DONE;
		return (ssize_t)*data_len_r;
	case DEC_SIZE:
		return decode_size(dec, buf, len);
	case DEC_CRLF:
		if (len < 2)
			return 0;
		dec->state = DEC_SIZE;
		return memcmp(buf, "\r\n", 2) == 0 ? 2 : -1;
	case DEC_TRAILER:
		line = find_line(buf, len, TRAILER_LINE_BYTES);
		if (line == 2)
			dec->state = DEC_DONE;
		return line;
	case DEC_DONE:
		break;
	}
	return 0;
}
