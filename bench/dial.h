/* dial - a client's TCP socket, on its way to a server. */
#pragma once
#include <netinet/in.h>

/* From 127.0.0.(1 + source), or from wherever the kernel likes when it is 0:
 * ports are scarce per pair of addresses, and rest for a minute after a close.
 * Returns a non-blocking descriptor that may still be connecting, or -1 and
 * errno; exits 111 when this machine has none to give. */
int dial_open(const struct sockaddr_in *to, unsigned source);
