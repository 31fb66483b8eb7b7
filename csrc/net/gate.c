#include "net/gate.h"

#include <stddef.h>

void cp_gate_init(cp_gate *self)
{
    self->inside = 0;
    self->first = NULL;
    self->last = &self->first;
    self->usher = (cp_timer){0};
}

static bool has_room(const cp_gate *self)
{
    return self->inside < CP_GATE_ROOM;
}

static void go_in(cp_gate *self, cp_turn *turn)
{
    self->inside += 1;
    turn->is_in = true;
}

static void stop_waiting(cp_gate *self, cp_turn *turn)
{
    *turn->link = turn->next;
    if (turn->next != NULL)
        turn->next->link = turn->link;
    else
        self->last = turn->link;
    turn->link = NULL;
    turn->next = NULL;
}

bool cp_gate_ask(cp_gate *self, cp_turn *turn, void (*enter)(cp_turn *))
{
    turn->enter = enter;
    if (has_room(self) && self->first == NULL) {
        go_in(self, turn);
        return true;
    }
    turn->next = NULL;
    turn->link = self->last;
    *self->last = turn;
    self->last = &turn->next;
    return false;
}

bool cp_gate_leave(cp_gate *self, cp_turn *turn)
{
    if (turn->link != NULL)
        stop_waiting(self, turn);
    if (turn->is_in)
        self->inside -= 1;
    turn->is_in = false;
    return has_room(self) && self->first != NULL;
}

void cp_gate_let_in(cp_gate *self)
{
    while (has_room(self) && self->first != NULL) {
        cp_turn *turn = self->first;

        stop_waiting(self, turn);
        go_in(self, turn);
        turn->enter(turn);
    }
}
