#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"

/* Arguments: URL QUERY. Answers from PostgreSQL, with one prepared statement: server.c gives each client a process. */

static PGconn *database;

static void need(int is_well) {
    if (is_well) return;
    fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(database));
    exit(1);
}

void start(char **arguments) {
    database = PQconnectdb(arguments[0]);
    need(PQstatus(database) == CONNECTION_OK);
    PGresult *prepared = PQprepare(database, "", arguments[1], 1, NULL);
    need(PQresultStatus(prepared) == PGRES_COMMAND_OK);
    PQclear(prepared);
}

int answer(const char *key, size_t length, char *reply, size_t most) {
    char name[4096];
    snprintf(name, sizeof name, "%.*s", (int)length, key);
    const char *values[] = {name};
    PGresult *found = PQexecPrepared(database, "", 1, values, NULL, NULL, 0);
    need(PQresultStatus(found) == PGRES_TUPLES_OK);
    int written = PQntuples(found) == 0 ? snprintf(reply, most, "NOTFOUND ,")
                                        : snprintf(reply, most, "OK %s,", PQgetvalue(found, 0, 0));
    PQclear(found);
    return written;
}
