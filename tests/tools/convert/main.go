// Command convert asks two frontends what they make of the same Dockerfiles.
//
// It reads one case a line from stdin, as JSON, and prints one answer a line, in the order in
// which they are ready. Both frontends of a case are asked within one session, so that the
// session's id, which is part of every local source, is the same in both answers.
//
// Nothing is built: a frontend is asked for its definition (frontend.convertllb) and for its
// result, whose references no one reads.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/tonistiigi/fsutil"
)

// A request is one case.
type request struct {
	Name string `json:"name"`
	// Options of the frontend, as `buildctl build --opt` takes them.
	Options map[string]string `json:"options"`
	// Local sources: name to folder.
	Locals map[string]string `json:"locals"`
}

// An answer holds what each frontend said of a case, in the order of the flags.
type answer struct {
	Name    string  `json:"name"`
	Answers []reply `json:"answers"`
	// Broken is set when the frontends could not be asked at all.
	Broken string `json:"broken,omitempty"`
}

// A reply is what one frontend said.
type reply struct {
	// Definition is frontend.convertllb's answer.
	Definition *string  `json:"definition"`
	Refused    *refusal `json:"refused,omitempty"`
	// Metadata is what comes beside the image: its config, above all.
	Metadata        map[string]string `json:"metadata"`
	MetadataRefused *refusal          `json:"metadata_refused,omitempty"`
}

// A refusal is an error as a client shows it.
type refusal struct {
	Message string `json:"message"`
	// Lines are the first and last line of each place that the error points to.
	Lines [][2]int32 `json:"lines"`
}

func main() {
	address := flag.String("addr", os.Getenv("BUILDKIT_HOST"), "address of the daemon")
	ours := flag.String("ours", "", "reference of the frontend image to compare with dockerfile.v0")
	parallel := flag.Int("parallel", 4, "how many cases to ask at a time")
	flag.Parse()
	if err := run(*address, *ours, *parallel); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(address, ours string, parallel int) error {
	ctx := context.Background()
	c, err := client.New(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()

	requests := make(chan request)
	output := json.NewEncoder(os.Stdout)
	var lock sync.Mutex
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for r := range requests {
				a := ask(ctx, c, ours, r)
				lock.Lock()
				_ = output.Encode(a)
				lock.Unlock()
			}
		})
	}
	input := json.NewDecoder(os.Stdin)
	for input.More() {
		var r request
		if err = input.Decode(&r); err != nil {
			break
		}
		requests <- r
	}
	close(requests)
	group.Wait()
	return err
}

// ask opens a session with the case's folders and asks both frontends in it.
func ask(ctx context.Context, c *client.Client, ours string, r request) answer {
	a := answer{Name: r.Name}
	opt := client.SolveOpt{
		LocalMounts: map[string]fsutil.FS{},
		Session: []session.Attachable{
			authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{}),
		},
	}
	for name, folder := range r.Locals {
		fs, err := fsutil.NewFS(folder)
		if err != nil {
			a.Broken = err.Error()
			return a
		}
		opt.LocalMounts[name] = fs
	}
	_, err := c.Build(ctx, opt, "convert", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		a.Answers = []reply{
			put(ctx, gw, "dockerfile.v0", r.Options),
			put(ctx, gw, "gateway.v0", with(r.Options, "source", ours)),
		}
		return gateway.NewResult(), nil
	}, nil)
	if err != nil {
		a.Broken = err.Error()
	}
	return a
}

// put asks one frontend the two questions.
func put(ctx context.Context, gw gateway.Client, frontend string, options map[string]string) reply {
	var r reply
	// A client says that it can do without a build before it asks for something else.
	question := with(options, "requestid", "frontend.convertllb")
	question["frontend.caps"] = "moby.buildkit.frontend.subrequests"
	if answer, err := gw.Solve(ctx, gateway.SolveRequest{Frontend: frontend, FrontendOpt: question}); err != nil {
		r.Refused = refused(err)
	} else {
		definition := string(answer.Metadata["result.json"])
		r.Definition = &definition
	}
	if answer, err := gw.Solve(ctx, gateway.SolveRequest{Frontend: frontend, FrontendOpt: options}); err != nil {
		r.MetadataRefused = refused(err)
	} else {
		r.Metadata = map[string]string{}
		for key, value := range answer.Metadata {
			r.Metadata[key] = string(value)
		}
		for platform, attestations := range answer.Attestations {
			for i, attestation := range attestations {
				r.Metadata[fmt.Sprintf("attestation %d of %s", i, platform)] = attested(ctx, attestation)
			}
		}
	}
	return r
}

// attested is what is said about an attestation, as JSON: its kind and what makes its files, op by op.
func attested(ctx context.Context, attestation result.Attestation[gateway.Reference]) string {
	said := map[string]any{
		"kind":      attestation.Kind.String(),
		"path":      attestation.Path,
		"predicate": attestation.InToto.PredicateType,
		"subjects":  attestation.InToto.Subjects,
		"ops":       ops(ctx, attestation.Ref),
	}
	for key, value := range attestation.Metadata {
		said["metadata "+key] = string(value)
	}
	text, err := json.Marshal(said)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// ops are the ops behind a file system, in an order that does not depend on how they were marshalled.
func ops(ctx context.Context, reference gateway.Reference) []string {
	if reference == nil {
		return nil
	}
	state, err := reference.ToState()
	if err != nil {
		return []string{err.Error()}
	}
	definition, err := state.Marshal(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	var texts []string
	for _, bytes := range definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(bytes); err != nil {
			return []string{err.Error()}
		}
		text, err := json.Marshal(&op)
		if err != nil {
			return []string{err.Error()}
		}
		texts = append(texts, string(text))
	}
	slices.Sort(texts)
	return texts
}

func with(options map[string]string, key, value string) map[string]string {
	changed := map[string]string{key: value}
	maps.Copy(changed, options)
	return changed
}

func refused(err error) *refusal {
	r := &refusal{Message: err.Error(), Lines: [][2]int32{}}
	for _, source := range errdefs.Sources(err) {
		for _, place := range source.Ranges {
			r.Lines = append(r.Lines, [2]int32{place.Start.GetLine(), place.End.GetLine()})
		}
	}
	return r
}
