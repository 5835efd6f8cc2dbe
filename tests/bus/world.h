/* world - what each test of the bus begins and ends with: a directory, a loop,
 * up to three parties on it, and parties in processes of their own.
 *
 * Nothing sleeps: 'until' turns the loop until its condition holds, and fails
 * the test when that takes longer than anybody waits. */
#ifndef CAUSEWAY_TESTS_WORLD_H
#define CAUSEWAY_TESTS_WORLD_H

#include "party.h"
#include "t.h"

#include <sys/types.h>
#include <uv.h>

enum { PATIENCE_MS = 20000 };

struct world {
    struct service *svc;
    struct log     *log;
    struct party     a, b, c;
    char            dir[64];
    struct service_timer alarm;
    uint64_t        patience;   /* until when 'until' waits */
};
extern struct world w;

void begin(void);
void end(void);
void pair(void);                /* begin; w.a is router-0, w.b gateway-0, both up */
void arm_alarm(uint64_t ms, bool *over);

#define until(condition) until_ms(PATIENCE_MS, condition)
#define until_ms(ms, condition) do { \
        bool t_over = false, t_holds; \
        arm_alarm((ms), &t_over); \
        while (!(t_holds = (condition)) && !t_over) uv_run(service_loop(w.svc), UV_RUN_ONCE); \
        service_timer_cancel(w.svc, &w.alarm); \
        if (!t_holds) FAIL("not in time: %s", #condition); \
    } while (0)

struct peer *gateway(struct party *n, uint16_t number);
struct peer *router(struct party *n, uint16_t number);
struct peer *presence(struct party *n, uint16_t number);
bool up(struct peer *peer);
uint64_t refused(const struct party *n);

/* bus-echo in w.dir, until it says "ready"; 0: it died first. port: NULL for ipc. */
pid_t spawn_echo(const char *role, const char *number, const char *port);
int stop_echo(pid_t pid, int signal_number);    /* its exit code, or 128 + the signal that ended it */

#endif
