/* Publish into Causeway from C: cc publish.c -lzmq */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    static const char request[] = "{\"emit\":\"news\",\"to\":\"user:42\",\"args\":[{\"from\":\"C\"}],\"ref\":\"c-1\"}";
    char answer[1024];
    void *context = zmq_ctx_new(), *req = zmq_socket(context, ZMQ_REQ);
    if (zmq_connect(req, argc > 1 ? argv[1] : "tcp://127.0.0.1:5572") != 0) return 1;
    zmq_send(req, request, strlen(request), 0);
    int n = zmq_recv(req, answer, sizeof answer, 0);
    printf("REQ: %.*s\n", n > (int)sizeof answer ? (int)sizeof answer : n, answer);
    zmq_close(req);
    zmq_ctx_term(context);
    return n > 0 ? 0 : 1;
}
