/* SPDX-License-Identifier: MIT */
/*
 * Variables: short lists, values malloc'ed and bounded in size and number.
 * Variables of the request are out of sight once there is a response.
 */
#include "worker/rules/var.h"

#include <stdlib.h>

struct var {
	struct var *next;
	enum var_scope scope;
	struct sv name;      /* in data, behind the value */
	struct sample value; /* .s points to data */
	char data[];
};

static struct var *proc_vars;

/* The list a scope lives in, or NULL where it is out of sight. */
static struct var **
var_list(const struct txn *t, enum var_scope scope)
{
	struct txn *w = (struct txn *)(uintptr_t)t;

	switch (scope) {
	case VAR_PROC:
		return &proc_vars;
	case VAR_SESS:
		return t->cli ? &t->cli->vars : NULL;
	case VAR_REQ:
		return t->res ? NULL : &w->vars;
	case VAR_RES:
	case VAR_TXN:
		return &w->vars;
	case VAR_SCOPE_N:
		break;
	}
	return NULL;
}

static struct var **
var_find(const struct txn *t, enum var_scope scope, struct sv name)
{
	struct var **v = var_list(t, scope);

	for (; v && *v; v = &(*v)->next) {
		if ((*v)->scope == scope && sv_eq((*v)->name, name))
			return v;
	}
	return NULL;
}

bool
var_set(
    struct txn *t, enum var_scope scope, struct sv name, const struct sample *s)
{
	bool has_text =
	    s->type == SMP_STR || s->type == SMP_BIN || s->type == SMP_METH;
	size_t n = has_text ? s->s.n : 0;
	struct var **list = var_list(t, scope), **v, *one;
	int count = 0;

	if (!list || n > VAR_BYTES_MAX)
		return false;
	for (v = list; *v; v = &(*v)->next)
		count++;
	if (count >= VARS_MAX && !var_find(t, scope, name))
		return false;
	one = malloc(sizeof(*one) + n + name.n);
	if (!one)
		return false;
	one->scope = scope;
	one->name = sv_of(one->data + n, name.n);
	memcpy(one->data + n, name.p, name.n);
	one->value = *s;
	if (has_text) {
		if (n)
			memcpy(one->data, s->s.p, n);
		one->value.s = sv_of(one->data, n);
	}
	/* The old value may be where the new one came from. */
	var_unset(t, scope, name);
	one->next = *list;
	*list = one;
	return true;
}

bool
var_get(const struct txn *t, enum var_scope scope, struct sv name,
    struct sample *out)
{
	struct var **v = var_find(t, scope, name);

	if (!v)
		return false;
	*out = (*v)->value;
	return true;
}

void
var_unset(struct txn *t, enum var_scope scope, struct sv name)
{
	struct var **v = var_find(t, scope, name), *one;

	if (!v)
		return;
	one = *v;
	*v = one->next;
	free(one);
}

void
txn_vars_free(struct var **v)
{
	struct var *one;

	while ((one = *v)) {
		*v = one->next;
		free(one);
	}
}
