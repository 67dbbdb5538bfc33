#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "answer.h"
#include "lmdb.h"

/* Arguments: FOLDER MAILBOXES. Answers from an LMDB file that it makes: one read transaction and one get for a request. */

static MDB_env *env;
static MDB_dbi table;
static MDB_txn *reading;

static void need(int code) {
    if (code == 0) return;
    fprintf(stderr, "LMDB: %s\n", mdb_strerror(code));
    exit(1);
}

/* Adds user N and all whose numbers begin with N, in the order of their names: "@" comes after the digits. */
static void fill(MDB_txn *writing, long number, long mailboxes) {
    if (number >= mailboxes) return;
    for (int digit = 0; number > 0 && digit < 10; digit++) fill(writing, number * 10 + digit, mailboxes);
    char name[64];
    MDB_val key = {snprintf(name, sizeof name, "user%ld@example.org", number), name}, value = {0, ""};
    need(mdb_put(writing, table, &key, &value, MDB_APPEND));
}

void start(char **arguments) {
    long mailboxes = atol(arguments[1]);
    mkdir(arguments[0], 0700);
    need(mdb_env_create(&env));
    need(mdb_env_set_mapsize(env, 1ul << 33));
    need(mdb_env_open(env, arguments[0], MDB_NOSYNC, 0600));
    MDB_txn *writing;
    need(mdb_txn_begin(env, NULL, 0, &writing));
    need(mdb_dbi_open(writing, NULL, 0, &table));
    for (long number = 0; number < 10; number++) fill(writing, number, mailboxes);
    need(mdb_txn_commit(writing));
    need(mdb_txn_begin(env, NULL, MDB_RDONLY, &reading));
}

int answer(const char *name, size_t length, char *reply, size_t most) {
    MDB_val key = {length, (void *)name}, value;
    mdb_txn_reset(reading);
    need(mdb_txn_renew(reading));
    int code = mdb_get(reading, table, &key, &value);
    if (code != MDB_NOTFOUND) need(code);
    return snprintf(reply, most, code == 0 ? "OK %.*s," : "NOTFOUND ,", (int)length, name);
}
