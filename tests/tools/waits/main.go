// Command waits asks frontends that `bridge` stands before for a result, and prints the notes of the bridge.
//
// It reads a request a line from stdin, as JSON, and prints an answer a line, in the same order. Each request
// has a session of its own, as a build has, and nothing of its result is built.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/tonistiigi/fsutil"
)

// A request is a build for one frontend.
type request struct {
	// Frontend is the reference of its image.
	Frontend string `json:"frontend"`
	// Options of the frontend, as `buildctl build --opt` takes them.
	Options map[string]string `json:"options"`
	// Local sources: name to folder.
	Locals map[string]string `json:"locals"`
}

// An answer is what the bridge noted, or why there is nothing.
type answer struct {
	Calls  json.RawMessage `json:"calls,omitempty"`
	Failed string          `json:"failed,omitempty"`
}

func main() {
	address := flag.String("addr", os.Getenv("BUILDKIT_HOST"), "address of the daemon")
	flag.Parse()
	if err := run(context.Background(), *address); err != nil {
		fmt.Fprintln(os.Stderr, "waits:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string) error {
	c, err := client.New(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	input := json.NewDecoder(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		var r request
		if err := input.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		if a.Calls, err = ask(ctx, c, r); err != nil {
			a.Failed = err.Error()
		}
		if err := output.Encode(a); err != nil {
			return err
		}
	}
}

// ask gives the notes of one run of a frontend.
func ask(ctx context.Context, c *client.Client, r request) (notes []byte, err error) {
	folders := map[string]fsutil.FS{}
	for name, folder := range r.Locals {
		if folders[name], err = fsutil.NewFS(folder); err != nil {
			return nil, err
		}
	}
	opt := client.SolveOpt{
		LocalMounts: folders,
		Session:     []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{})},
	}
	options := map[string]string{"source": r.Frontend}
	for key, value := range r.Options {
		options[key] = value
	}
	_, err = c.Build(ctx, opt, "waits", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		result, err := gw.Solve(ctx, gateway.SolveRequest{Frontend: "gateway.v0", FrontendOpt: options})
		if err != nil {
			return nil, err
		}
		if notes = result.Metadata["bridge.calls"]; notes == nil {
			return nil, fmt.Errorf("no notes of a bridge come from %s", r.Frontend)
		}
		return gateway.NewResult(), nil
	}, nil)
	return notes, err
}
