/* SPDX-License-Identifier: MIT */
/*
 * Converters that hash.
 */
#include <openssl/evp.h>

#include "worker/rules/conv.h"

static bool
hash_digest(struct txn *t, struct sample *io, const EVP_MD *md)
{
	unsigned n = 0;
	char *p = sample_mem(t, EVP_MAX_MD_SIZE);

	if (!p ||
	    !EVP_Digest(io->s.p, io->s.n, (unsigned char *)p, &n, md, NULL))
		return false;
	io->type = SMP_BIN;
	io->s = sv_of(p, n);
	return true;
}

bool
conv_hash_sha1(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return hash_digest(t, io, EVP_sha1());
}

bool
conv_hash_md5(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return hash_digest(t, io, EVP_md5());
}

/* sha2([bits]) */
bool
conv_hash_sha2(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	switch (argc > 0 ? a[0].i : 256) {
	case 224:
		return hash_digest(t, io, EVP_sha224());
	case 256:
		return hash_digest(t, io, EVP_sha256());
	case 384:
		return hash_digest(t, io, EVP_sha384());
	case 512:
		return hash_digest(t, io, EVP_sha512());
	}
	return false;
}

/* Spread a hash's bits, for avalanche 1 of djb2 and kin. */
static uint32_t
hash_spread(uint32_t h)
{
	h = (h + 0x7ed55d16) + (h << 12);
	h = (h ^ 0xc761c23c) ^ (h >> 19);
	h = (h + 0x165667b1) + (h << 5);
	h = (h + 0xd3a2646c) ^ (h << 9);
	h = (h + 0xfd7046c5) + (h << 3);
	h = (h ^ 0xb55a4f09) ^ (h >> 16);
	return h * 3221225473u;
}

static bool
hash_result(struct sample *io, uint32_t h, const struct fetch_arg *a, int argc)
{
	if (argc > 0 && a[0].i)
		h = hash_spread(h);
	return sample_set_int(io, h);
}

/* Reflected CRC over the polynomial. */
static uint32_t
hash_crc(struct sv s, uint32_t polynomial)
{
	uint32_t h = 0xffffffffu;
	size_t i;
	int k;

	for (i = 0; i < s.n; i++) {
		h ^= (unsigned char)s.p[i];
		for (k = 0; k < 8; k++)
			h = h >> 1 ^ (h & 1 ? polynomial : 0);
	}
	return ~h;
}

bool
conv_hash_crc32(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	return hash_result(io, hash_crc(io->s, 0xedb88320u), a, argc);
}

bool
conv_hash_crc32c(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	return hash_result(io, hash_crc(io->s, 0x82f63b78u), a, argc);
}

bool
conv_hash_djb2(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	uint32_t h = 5381;
	size_t i;

	(void)t;
	for (i = 0; i < io->s.n; i++)
		h = h * 33 + (unsigned char)io->s.p[i];
	return hash_result(io, h, a, argc);
}

bool
conv_hash_sdbm(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	uint32_t h = 0;
	size_t i;

	(void)t;
	for (i = 0; i < io->s.n; i++)
		h = (unsigned char)io->s.p[i] + (h << 6) + (h << 16) - h;
	return hash_result(io, h, a, argc);
}
