/* A Causeway worker in C: an echo. worker [NAMESPACE [ROUTER...]]: with several routers the next one when one goes. cc worker.c -lzmq -ljansson */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

static volatile sig_atomic_t stop;
static void on_term(int number) { (void)number; stop = 1; }

static void say(void *s, json_t *frame)         /* takes it */
{
    char *text = json_dumps(frame, JSON_COMPACT);
    zmq_send(s, text, strlen(text), 0);
    free(text), json_decref(frame);
}

/* What one event causes: a reply's fields (docs/WORKERS.md). */
static json_t *handle(json_t *request, json_t *ref)
{
    const char *event = json_string_value(json_object_get(request, "event"));
    if (!event || strcmp(event, "echo") != 0) return json_pack("{sO}", "reply", ref);
    return json_pack("{sOsO}", "reply", ref, "ack", json_object_get(request, "args"));
}

static void serve(void *context, const char *nsp, const char *router)
{
    void *s = zmq_socket(context, ZMQ_DEALER);
    zmq_connect(s, router);
    say(s, json_pack("{sss[s]s[ss]si}", "ready", "example", "namespaces", nsp, "events", "echo", "disconnect", "capacity", 16));
    for (int quiet = 0, going = 0; quiet < 25; ) {      /* 25 x 200 ms: the default of router.worker_silence_ms */
        zmq_msg_t m;
        zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };
        if (stop && !going++) say(s, json_pack("{sb}", "bye", 1));
        if (zmq_poll(&item, 1, 200) <= 0) {
            if (++quiet % 5 == 0) say(s, json_pack("{sb}", "ping", 1));
            continue;
        }
        quiet = 0;
        zmq_msg_init(&m), zmq_msg_recv(&m, s, 0);
        json_t *frame = json_loadb(zmq_msg_data(&m), zmq_msg_size(&m), 0, NULL), *request = json_object_get(frame, "request");
        for (; zmq_msg_more(&m); zmq_msg_recv(&m, s, 0)) { }     /* attachments: an echo with them is left to others */
        if (request) say(s, handle(frame, request));
        else if (json_object_get(frame, "ping")) say(s, json_pack("{sb}", "pong", 1));
        else if (json_object_get(frame, "welcome")) puts("welcome"), fflush(stdout);
        else if (!frame || json_object_get(frame, "bye") || json_object_get(frame, "again")) quiet = 25;
        json_decref(frame), zmq_msg_close(&m);
    }
    zmq_close(s);
}

int main(int argc, char **argv)
{
    void *context = zmq_ctx_new();
    signal(SIGTERM, on_term);
    for (int i = 0; !stop; i++) serve(context, argc > 1 ? argv[1] : "/", argc > 2 ? argv[2 + i % (argc - 2)] : "tcp://127.0.0.1:5573");
    zmq_ctx_term(context);
    return 0;
}
