/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked lists with a head node.
 */
#ifndef SHM_BASE_LIST_H
#define SHM_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(ptr, type, field) \
	((type *)(void *)((char *)(ptr)-offsetof(type, field)))
#define list_for(it, head) \
	for ((it) = (head)->next; (it) != (head); (it) = (it)->next)
/* `it` may be removed inside the body. */
#define list_for_safe(it, tmp, head)                                  \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); \
	     (it) = (tmp), (tmp) = (it)->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Zeroed or removed nodes are not linked. */
static inline bool
list_is_linked(const struct list *n)
{
	return n->next && n->next != n;
}

static inline void
list_add_head(struct list *head, struct list *n)
{
	n->next = head->next;
	n->prev = head;
	head->next->prev = n;
	head->next = n;
}

static inline void
list_add_tail(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* Harmless on a node that is not linked. */
static inline void
list_del(struct list *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = n;
}

#endif
