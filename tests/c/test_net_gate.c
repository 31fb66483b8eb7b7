#include "net/gate.h"

#include "test.h"

#include <string.h>

#define MANY (3 * CP_GATE_ROOM)

static cp_gate gate;
static cp_turn turns[MANY];
static int entered, latest;
static bool leaves_at_once;

static void on_enter(cp_turn *turn)
{
    entered++;
    latest = (int)(turn - turns);
    if (leaves_at_once)
        cp_gate_leave(&gate, turn);
}

static int ask_all(void)
{
    int at_once = 0;

    cp_gate_init(&gate);
    memset(turns, 0, sizeof turns);
    entered = latest = 0;
    leaves_at_once = false;
    for (int i = 0; i < MANY; i++)
        at_once += cp_gate_ask(&gate, &turns[i], on_enter);
    return at_once;
}

TEST(no_more_go_in_at_once_than_there_is_room_for)
{
    CHECK_INT(ask_all(), CP_GATE_ROOM);
    cp_gate_let_in(&gate);
    CHECK_INT(entered, 0);
}

TEST(each_that_leaves_lets_the_next_one_in)
{
    ask_all();
    CHECK(cp_gate_leave(&gate, &turns[7]));
    cp_gate_let_in(&gate);
    CHECK_INT(entered, 1);
    CHECK_INT(latest, CP_GATE_ROOM);
    CHECK(!cp_gate_leave(&gate, &turns[7])); /* it has left */
    cp_gate_let_in(&gate);
    CHECK_INT(entered, 1);
}

TEST(who_gives_up_waiting_is_not_called)
{
    ask_all();
    CHECK(!cp_gate_leave(&gate, &turns[CP_GATE_ROOM]));
    CHECK(!cp_gate_leave(&gate, &turns[MANY - 1])); /* the last in the queue */
    CHECK(!cp_gate_ask(&gate, &turns[MANY - 1], on_enter));
    cp_gate_leave(&gate, &turns[0]);
    cp_gate_let_in(&gate);
    CHECK_INT(latest, CP_GATE_ROOM + 1);
    leaves_at_once = true;
    cp_gate_leave(&gate, &turns[1]);
    cp_gate_let_in(&gate);
    CHECK_INT(entered, MANY - CP_GATE_ROOM - 1);
    CHECK_INT(latest, MANY - 1);
}
