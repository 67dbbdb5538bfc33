#include <stdio.h>

#include "answer.h"

/* Answers a constant: what a socket map costs before anybody looks anything up. */

void start(char **arguments) { (void)arguments; }

int answer(const char *key, size_t length, char *reply, size_t most) {
    (void)key, (void)length;
    return snprintf(reply, most, "OK user500000@example.org,");
}
