/* SPDX-License-Identifier: MIT */
/*
 * The class of each byte, after RFC 9110 5.5 and 5.6.2 and RFC 3986 3.2.2.
 */
#include "shm/proto/h1_int.h"

#define V   H1B_VALUE
#define A   (H1B_TOKEN | H1B_VALUE | H1B_HOST) /* letters, digits, some marks */
#define T   (H1B_TOKEN | H1B_VALUE)
#define H   (H1B_VALUE | H1B_HOST)
#define X16 V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V

const unsigned char h1_bytes[256] = {
	/* 0x00 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0,
	/* 0x10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/*  !"#$%&'()*+,-./ */ V, A, V, T, A, A, A, A, H, H, A, A, H, A, A, V,
	/* 0123456789:;<=>? */ A, A, A, A, A, A, A, A, A, A, H, H, V, H, V, V,
	/* @ABCDEFGHIJKLMNO */ V, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* PQRSTUVWXYZ[\]^_ */ A, A, A, A, A, A, A, A, A, A, A, H, V, H, T, A,
	/* `abcdefghijklmno */ T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* pqrstuvwxyz{|}~  */ A, A, A, A, A, A, A, A, A, A, A, V, T, V, A, 0,
	/* 0x80 */ X16, X16, X16, X16, X16, X16, X16, X16
};
