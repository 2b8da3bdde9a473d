/*
 * One client: a request, a picture, the end.
 */
#ifndef MANDEL_CLIENT_H
#define MANDEL_CLIENT_H

/* Serves the connection fd and closes it. May wait. */
void client_serve(int fd);

#endif
