#include "absent.h"

#include <stdlib.h>

void absents_init(struct absents *self)
{
    *self = (struct absents){ 0 };
    wheel_init(&self->wheel, 0, 0);
}

void absents_add(struct absents *self, struct user *u, uint16_t nsp, struct blob **ended, uint64_t until)
{
    struct absent *a = malloc(sizeof *a);
    struct place *place = users_place(u, nsp);
    NEED(a && place && !place->away);
    *a = (struct absent){ .next = u->absent, .user = u, .ended = *ended, .nsp = nsp };
    *ended = NULL;
    u->absent = a;
    place->away = true;
    wheel_set(&self->wheel, &a->timer, until);
    self->count++;
}

struct blob *absents_end(struct absents *self, struct user *u, uint16_t nsp)
{
    struct absent **at = &u->absent, *a;
    while (*at && (*at)->nsp != nsp) at = &(*at)->next;
    if (!(a = *at)) return NULL;
    struct blob *ended = a->ended;
    *at = a->next;
    wheel_cancel(&self->wheel, &a->timer);
    users_place(u, nsp)->away = false;
    self->count--;
    free(a);
    return ended;
}

struct absent *absents_due(struct absents *self, uint64_t now)
{
    struct wheel_timer *t = wheel_expire(&self->wheel, now);
    return t ? WHEEL_OWNER(t, struct absent, timer) : NULL;
}
