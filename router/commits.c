#include "commits.h"

#include <stdlib.h>

struct forward { uint64_t ticket, turn; uint16_t sender; };

#define GROW(self, type) do { \
    if ((self)->count == (self)->cap) { \
        size_t cap_ = (self)->cap ? (self)->cap * 2 : 16; \
        type *at_ = malloc(cap_ * sizeof *at_); \
        NEED(at_); \
        for (size_t i_ = 0; i_ < (self)->count; i_++) at_[i_] = (self)->at[((self)->head + i_) & ((self)->cap - 1)]; \
        free((self)->at); \
        (self)->at = at_, (self)->cap = cap_, (self)->head = 0; \
    } } while (0)

void commits_init(struct commits *self)
{
    *self = (struct commits){ 0 };
}

void commits_fini(struct commits *self)
{
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) free(self->lanes[i].at);
    for (size_t i = 0; i < COMMITS_SENDERS; i++) free(self->senders[i].at);
    free(self->forwards);
    *self = (struct commits){ 0 };
}

/* Gateways, routers, presences, auths: each daemon has its place. */
static uint16_t place_of(enum role role, uint16_t number)
{
    switch (role) {
    case ROLE_GATEWAY:  return (uint16_t)(number % ROOMS_GATEWAYS);
    case ROLE_ROUTER:   return (uint16_t)(ROOMS_GATEWAYS + number % VIEW_OWNERS_MAX);
    case ROLE_PRESENCE: return (uint16_t)(ROOMS_GATEWAYS + VIEW_OWNERS_MAX + number % ROOMS_GATEWAYS);
    default:            return (uint16_t)(2 * ROOMS_GATEWAYS + VIEW_OWNERS_MAX + number % ROOMS_GATEWAYS);
    }
}

static void place_to(uint16_t place, enum role *role, uint16_t *number)
{
    static const struct { enum role role; uint16_t from; } places[] = {
        { ROLE_AUTH, 2 * ROOMS_GATEWAYS + VIEW_OWNERS_MAX }, { ROLE_PRESENCE, ROOMS_GATEWAYS + VIEW_OWNERS_MAX },
        { ROLE_ROUTER, ROOMS_GATEWAYS }, { ROLE_GATEWAY, 0 } };
    size_t i = 0;
    while (place < places[i].from) i++;
    *role = places[i].role;
    *number = (uint16_t)(place - places[i].from);
}

static void soil(struct commits *self, uint16_t place)
{
    struct sender_queue *queue = &self->senders[place];
    if (queue->dirty) return;
    queue->dirty = true;
    self->dirty[self->dirty_count++] = place;
}

/* Everything up to the first open message may be confirmed. */
static void advance(struct commits *self, uint16_t place)
{
    struct sender_queue *queue = &self->senders[place];
    while (queue->count && queue->at[queue->head].done) {
        queue->link = queue->at[queue->head].link;
        queue->head = (queue->head + 1) & (queue->cap - 1);
        queue->count--, queue->first++, self->open--;
        soil(self, place);
    }
}

static uint64_t enter(struct commits *self, uint16_t place, uint64_t link, bool done)
{
    struct sender_queue *queue = &self->senders[place];
    uint64_t turn = queue->first + queue->count;
    if (done && queue->count == 0) {            /* the common case costs no queue */
        queue->link = link;
        queue->first++;
        soil(self, place);
        return turn;
    }
    GROW(queue, struct sender_turn);
    queue->at[(queue->head + queue->count++) & (queue->cap - 1)] = (struct sender_turn){ link, done };
    self->open++;
    return turn;
}

static void settle(struct commits *self, uint16_t place, uint64_t turn)
{
    struct sender_queue *queue = &self->senders[place];
    if (turn < queue->first || turn - queue->first >= queue->count) return;     /* of a life that is over */
    queue->at[(queue->head + (turn - queue->first)) & (queue->cap - 1)].done = true;
    advance(self, place);
}

void commits_add(struct commits *self, const struct from *from, uint16_t standby, uint64_t ticket, uint64_t answer, uint64_t seq)
{
    uint16_t place = place_of(from->role, from->number);
    uint64_t turn = enter(self, place, from->link, ticket == 0);
    if (ticket == 0) return;
    struct lane *lane = &self->lanes[standby];
    GROW(lane, struct commit);
    lane->at[(lane->head + lane->count++) & (lane->cap - 1)] =
        (struct commit){ .ticket = ticket, .answer = answer, .turn = turn, .seq = seq, .sender = place };
}

void commits_forward(struct commits *self, const struct from *from, uint64_t ticket)
{
    uint16_t place = place_of(from->role, from->number);
    if (self->forward_count == self->forward_cap) {
        self->forward_cap = self->forward_cap ? self->forward_cap * 2 : 16;
        self->forwards = realloc(self->forwards, self->forward_cap * sizeof *self->forwards);
        NEED(self->forwards);
    }
    self->forwards[self->forward_count++] = (struct forward){ ticket, enter(self, place, from->link, false), place };
}

void commits_forward_done(struct commits *self, uint64_t ticket)
{
    size_t low = 0, high = self->forward_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (self->forwards[mid].ticket < ticket) low = mid + 1;
        else high = mid;
    }
    if (low == self->forward_count || self->forwards[low].ticket != ticket) return;
    struct forward f = self->forwards[low];
    self->forward_count--;
    memmove(&self->forwards[low], &self->forwards[low + 1], (self->forward_count - low) * sizeof f);
    settle(self, f.sender, f.turn);
}

void commits_on_sent(struct commits *self, uint16_t standby, uint64_t ticket, uint64_t link)
{
    struct lane *lane = &self->lanes[standby];
    for (size_t i = lane->count; i-- > 0;) {        /* reported in the order of sending: near the end */
        struct commit *c = &lane->at[(lane->head + i) & (lane->cap - 1)];
        if (c->ticket == ticket) {
            c->link = link;
            return;
        }
    }
}

bool commits_next(struct commits *self, uint16_t standby, uint64_t link, uint64_t *answer, uint64_t *seq)
{
    struct lane *lane = &self->lanes[standby];
    if (lane->count == 0) return false;
    struct commit c = lane->at[lane->head];
    if (link != UINT64_MAX && (c.link == 0 || c.link > link)) return false;
    lane->head = (lane->head + 1) & (lane->cap - 1);
    lane->count--;
    *answer = c.answer;
    *seq = c.seq;
    settle(self, c.sender, c.turn);
    return true;
}

bool commits_next_confirm(struct commits *self, enum role *role, uint16_t *number, uint64_t *link)
{
    if (self->dirty_count == 0) return false;
    uint16_t place = self->dirty[--self->dirty_count];
    self->senders[place].dirty = false;
    place_to(place, role, number);
    *link = self->senders[place].link;
    return true;
}

void commits_forget(struct commits *self, enum role role, uint16_t number)
{
    struct sender_queue *queue = &self->senders[place_of(role, number)];
    self->open -= queue->count;
    queue->first += queue->count;       /* what a lane still says of them is of no interest */
    queue->count = queue->head = 0;
    queue->link = 0;
}
