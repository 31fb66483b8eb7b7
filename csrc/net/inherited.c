#include "net/inherited.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A slot is taken from -1 by whoever adds, and given back by remove().  The file's
 * identity is kept beside the number: lws closes a socket a moment before it tells us,
 * and the number may be somebody else's by then. */
struct cp_inherited {
    atomic_int fd; /* FREE, CLAIMED or a descriptor */
    dev_t device;
    ino_t inode;
    struct cp_inherited *next; /* never changes once published */
};

enum { FREE = -1, CLAIMED = -2 };

/* How many are looked at before one more is made: with thousands of connections, all of
 * them would take longer than connecting does. */
#define LOOKS 16

static _Atomic(cp_inherited *) slots;
static _Atomic(cp_inherited *) place; /* where the last look ended; NULL: begin anew */

static cp_inherited *claim_free(void)
{
    cp_inherited *each = atomic_load(&place), *free = NULL;

    for (int looks = 0; free == NULL && looks < LOOKS; looks++) {
        int expected = FREE;

        if (each == NULL)
            each = atomic_load(&slots);
        if (each == NULL)
            return NULL;
        if (atomic_compare_exchange_strong(&each->fd, &expected, CLAIMED))
            free = each;
        each = each->next;
    }
    atomic_store(&place, each);
    return free;
}

static cp_inherited *make_slot(void)
{
    cp_inherited *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    atomic_init(&self->fd, CLAIMED);
    self->next = atomic_load(&slots);
    while (!atomic_compare_exchange_weak(&slots, &self->next, self))
        ;
    return self;
}

cp_inherited *cp_inherited_add(int fd)
{
    struct stat about;
    cp_inherited *self;

    if (fd < 0 || fstat(fd, &about) != 0)
        return NULL;
    self = claim_free();
    if (self == NULL)
        self = make_slot();
    if (self == NULL)
        return NULL;
    self->device = about.st_dev;
    self->inode = about.st_ino;
    atomic_store(&self->fd, fd);
    return self;
}

void cp_inherited_remove(cp_inherited *self)
{
    if (self != NULL)
        atomic_store(&self->fd, FREE);
}

void cp_inherited_close_all(void)
{
    for (cp_inherited *each = atomic_load(&slots); each != NULL; each = each->next) {
        int fd = atomic_load(&each->fd);
        struct stat about;

        if (fd >= 0 && fstat(fd, &about) == 0 && about.st_dev == each->device &&
            about.st_ino == each->inode)
            close(fd);
        if (fd >= 0)
            atomic_store(&each->fd, FREE);
    }
}
