#include <stddef.h>

/* What server.c asks of constant.c or of lmdb.c. Both end the process where something fails. */

/* Makes ready to answer, with the arguments behind the socket. */
void start(char **arguments);

/* Writes what follows the length in a reply, such as "OK value,", and returns its length. */
int answer(const char *key, size_t length, char *reply, size_t most);
