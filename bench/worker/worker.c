/* worker - the least that answers: each request with ack {success:true}. Prints READY when it is known. worker ROUTER CAPACITY */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    static const char asks[] = "{\"request\":\"", welcomes[] = "{\"welcome\":", pings[] = "{\"ping\":";
    if (argc != 3)
        return 100;
    void *s = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
    char text[256];
    int n = snprintf(text, sizeof text, "{\"ready\":\"echo\",\"namespaces\":[\"/\"],\"events\":[\"ping-ack\"],\"capacity\":%d}", atoi(argv[2]));
    if (zmq_connect(s, argv[1]) != 0 || zmq_send(s, text, (size_t)n, 0) < 0)
        return 111;
    for (zmq_msg_t m; zmq_msg_init(&m) == 0 && zmq_msg_recv(&m, s, 0) >= 0; zmq_msg_close(&m)) {
        const char *at = zmq_msg_data(&m);
        size_t len = zmq_msg_size(&m);
        if (len > sizeof asks && memcmp(at, asks, sizeof asks - 1) == 0) {
            const char *ref = at + sizeof asks - 1, *end = memchr(ref, '"', len - sizeof asks);
            if (!end || end - ref > 64)
                return 1;
            n = snprintf(text, sizeof text, "{\"reply\":\"%.*s\",\"ack\":[{\"success\":true}]}", (int)(end - ref), ref);
            zmq_send(s, text, (size_t)n, 0);
        } else if (len > sizeof pings && memcmp(at, pings, sizeof pings - 1) == 0) {
            zmq_send(s, "{\"pong\":1}", 10, 0);
        } else if (len > sizeof welcomes && memcmp(at, welcomes, sizeof welcomes - 1) == 0) {
            puts("READY"), fflush(stdout);
        }
    }
    return 0;
}
