/* sio_msgpack - Socket.IO packets as socket.io-msgpack-parser 3 writes them: each one binary message.
 *
 *     {"type":2,"data":["say",<bin>],"options":{"compress":true},"id":0,"nsp":"/"}     a client's
 *     {"type":2,"data":["said",<bin>],"nsp":"/"}                                       ours
 *
 * They become the packets of sio.h, JSON and attachments apart, and are made of those (msgpack.h
 * says what becomes what): so nobody above knows by which parser a client came. 5 and 6 are no
 * types here: an event with attachments reads as SIO_BINARY_EVENT and is written as 2.
 * Keys in any order, the last one of a name counts, others are skipped; undefined is absent. Pure. */
#ifndef CAUSEWAY_SIO_MSGPACK_H
#define CAUSEWAY_SIO_MSGPACK_H

#include "sio.h"

/* 'text' is the caller's, and empty: the JSON goes there, the namespace and the attachments point into
 * 'in'. JSON and attachments together are 'max_bytes' at most. Refused is what the parser refuses
 * (ERR_TYPE; ERR_MISSING where a field is absent; ERR_RANGE: a type or id that is none) and what
 * sio_decode refuses: an event's name (ERR_TYPE, ERR_UNKNOWN), more attachments than 10 (ERR_LIMIT), an ack
 * without id, a namespace that text could not name (ERR_SYNTAX). And what is no MessagePack: ERR_TRUNC,
 * ERR_SYNTAX, ERR_UTF8, ERR_DEPTH. */
enum err sio_msgpack_decode(struct sio_packet *p, struct span attachments[SIO_MAX_ATTACHMENTS], struct buf *text,
                            struct span in, size_t max_bytes);

/* 'attachments': strs. The order of keys is the reference server's. */
void sio_msgpack_encode(struct buf *out, const struct sio_packet *p, struct span attachments);

#endif
