#ifndef CP_NET_INHERITED_H
#define CP_NET_INHERITED_H

/* The descriptors that a forked child must not keep: while it holds a copy of a socket,
 * the server sees the bot online though the parent left.  Slots are never freed, so that
 * the child can walk them without a lock. */
typedef struct cp_inherited cp_inherited;

cp_inherited *cp_inherited_add(int fd);      /* any thread; NULL: no memory */
void cp_inherited_remove(cp_inherited *self); /* any thread; NULL is legal */
void cp_inherited_close_all(void);            /* in the child: closes them raw */

#endif
