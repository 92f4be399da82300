/*
 * How a listening socket of the gateway ends without cutting anybody off. See shared/listen.h for how it begins.
 */
#ifndef COUPOND_LISTENER_H
#define COUPOND_LISTENER_H

/* On a listening socket: who asks for a connection from now on hears nothing, so that its system asks once more a
 * second later; whose connection is on the way already gets it. Without this, a socket that closes resets those who
 * wait. */
void listener_refuse(int fd);

#endif
