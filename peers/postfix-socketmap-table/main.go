// A server with one mailbox, on the library postfix-socketmap-table.
package main

import (
	"context"
	"log"
	"os"

	socketmap "github.com/vitalvas/postfix-socketmap-table"
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
