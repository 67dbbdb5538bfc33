export const CONFORMANCE_HELP = `
docs/protocol.md is the protocol. Each of its rules has an id, such as framing/length/3, and a case with the same id. MUST:
otherwise a mail server loses mail or lookups. SHOULD: otherwise something works less well.

Prints a line for each case. For one that failed, also the rule, why it is a rule, what was wrong here, and what went over the
wire: the number of the connection, > what was sent, < what came, and \\xNN for bytes that are not ASCII. With --known and
--unknown, it also sees whether a reply belongs to its request. A case fails, too, if the server does not answer a new client
afterwards.

Exit codes: 0 no MUST failed, 1 one did (with --strict also a SHOULD), 64 usage, 73 the file cannot be written, 74 the server
is not there.

Examples:
  smmap conformance unix:/run/smmap/smmap.sock --known fred@example.org --unknown nobody@example.org
  smmap conformance tcp:127.0.0.1:2004 --map virtuser --only 'framing/*' --only 'order/*'
  smmap conformance unix:/tmp/s.sock --server-command 'smmap serve -l unix:/tmp/s.sock' --junit results.xml
  smmap conformance --list --protocol line`;
