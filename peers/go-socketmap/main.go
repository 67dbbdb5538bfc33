// A server with one mailbox, on the library go-socketmap.
package main

import (
	"context"
	"log"
	"os"

	socketmap "github.com/d--j/go-socketmap"
)

func main() {
	log.Fatal(socketmap.ListenAndServe("unix", os.Args[1], func(_ context.Context, _, key string) (string, bool, error) {
		return key, key == "fred@example.org", nil
	}))
}
