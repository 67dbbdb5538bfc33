// A server with one mailbox, on the library postfix-socketmap-table. get.sh copies the files of the library beside it.
package main

import (
	"context"
	"log"
	"os"

	"peer/socketmap"
)

func main() {
	server := socketmap.NewServer(nil)
	server.RegisterMap("mailbox", func(_ context.Context, key string) (*socketmap.Result, error) {
		if key == "fred@example.org" {
			return socketmap.ReplyOK(key), nil
		}
		return socketmap.ReplyNotFound(), nil
	})
	log.Fatal(server.ListenAndServeUnix(context.Background(), os.Args[1]))
}
