// A configuration with a map of each kind over fixed records, to be asked by the real mail servers.

import { join } from 'node:path';

/** The daemon's configuration; the socket is in the folder. */
export function kindsConfig(folder: string): string {
  return `
    [listen.mta]
    path = "${join(folder, 'smmap.sock')}"

    [store.fixed]
    driver = "memory"
    mailboxes = ["fred@example.org", "user1@example.org folder=abc", "off@example.org state=disabled", "pat@caught.example"]
    aliases = [
      "info@example.org fred@example.org, fred@example.com",
      "user2@example.org user1@example.org",
      "local@example.org user1",
      "@caught.example fred@example.org",
      "@old.example @example.org",
      "x@loop.example y@loop.example",
      "y@loop.example x@loop.example",
      "ann@example.org ann@example.org, user1@example.org",
      "ben@example.org ben@example.org, ann@example.org",
      "list@lists.example list@lists.example",
    ]
    domains = ["lists.example alias", "far.example relay"]

    [store.fixed.tables]
    virtuser = ["@virt.example error:5.1.1:550 No such user here", "+*@virt.example %1+%2@example.org", "joe@virt.example user1"]
    access = ["to:user@example.org ERROR:4.7.1:451 later", "spam.example REJECT", "connect:192.0.2 RELAY", "from:bad@ DISCARD"]
    broken = ["example.org OK"]

    [map.mailbox]
    [map.recipient]
    aliases = true
    [map.transport]
    reply = { text = "lmtp:unix:/run/%d/lmtp" }
    [map.virtual]
    kind = "alias"
    alias_domains = { "sales.example" = "example.org" }
    [map.any]
    kind = "alias"
    catch_all = "any"
    [map.domains]
    kind = "domain"
    [map.relay]
    kind = "domain"
    class = "relay"
    [map.virtuser]
    kind = "table"
    [map.access]
    kind = "table"
  `;
}
