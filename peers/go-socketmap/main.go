// A server with one mailbox, on the library go-socketmap. get.sh copies the files of the library beside it.
package main

import (
	"context"
	"log"
	"os"

	"peer/socketmap"
)

func main() {
	log.Fatal(socketmap.ListenAndServe("unix", os.Args[1], func(_ context.Context, _, key string) (string, bool, error) {
		return key, key == "fred@example.org", nil
	}))
}
