// Command probe is all that the pods of the cluster's tests run.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const usage = "usage: probe serve ADDRESS | get URL | lookup NAME | read FILE | write FILE"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

// patience is shorter than any policy's effect could be mistaken for slowness,
// and long enough for a busy machine.
const patience = 3 * time.Second

func run(action, subject string) error {
	switch action {
	case "serve":
		return http.ListenAndServe(subject, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "hello", r.RemoteAddr)
		}))
	case "get":
		response, err := (&http.Client{Timeout: patience}).Get(subject)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	case "lookup":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		addresses, err := net.DefaultResolver.LookupHost(ctx, subject)
		fmt.Println(addresses)
		return err
	case "read":
		content, err := os.ReadFile(subject)
		fmt.Print(string(content))
		return err
	case "write":
		return os.WriteFile(subject, []byte("written by the probe\n"), 0o644)
	}
	return fmt.Errorf("%s", usage)
}
