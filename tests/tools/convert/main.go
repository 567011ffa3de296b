// Command convert asks two frontends what they make of the same Dockerfiles.
//
// It reads one case a line from stdin, as JSON, and prints one answer a line, in the order in
// which they are ready. Both frontends of a case are asked within one session, so that the
// session's id, which is part of every local source, is the same in both answers.
//
// A frontend is asked for its definition (frontend.convertllb) and for its result, whose
// references no one reads. With -build the result is built and exported too, by a daemon whose
// cache is empty at the beginning.
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
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/moby/buildkit/util/grpcerrors"
)

// A request is one case.
type request struct {
	Name string `json:"name"`
	// Options of the frontend, as `buildctl build --opt` takes them.
	Options map[string]string `json:"options"`
	// Local sources: name to folder.
	Locals map[string]string `json:"locals"`
	// OursFirst says who builds first, and so whose layers the other finds in the cache.
	OursFirst bool `json:"ours_first"`
	// Subrequests are put instead of the questions about a build.
	Subrequests []string `json:"subrequests"`
}

// An answer holds what each frontend said of a case: the original's reply, and ours.
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
	// Built is what became of a result that was there, with -build.
	Built *built `json:"built,omitempty"`
	// Outcomes are the answers to subrequests, by name.
	Outcomes map[string]outcome `json:"outcomes,omitempty"`
}

// A refusal is an error as a client shows it.
type refusal struct {
	// Code is gRPC's; most errors of users have none, and so it is Unknown.
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Places  []place `json:"places"`
}

// A place is some lines that an error points to.
type place struct {
	File  string `json:"file"`
	First int32  `json:"first"`
	Last  int32  `json:"last"`
}

// A frontend is one that is asked.
type frontend struct {
	name   string
	source string // the image that it is, for gateway.v0
}

func main() {
	address := flag.String("addr", os.Getenv("BUILDKIT_HOST"), "address of the daemon")
	ours := flag.String("ours", "", "reference of the frontend image to compare with dockerfile.v0")
	parallel := flag.Int("parallel", 4, "how many cases to ask at a time")
	build := flag.Bool("build", false, "build what is accepted, too")
	flag.Parse()
	frontends := []frontend{{name: "dockerfile.v0"}, {name: "gateway.v0", source: *ours}}
	if err := run(*address, frontends, *parallel, *build); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(address string, frontends []frontend, parallel int, build bool) error {
	ctx := context.Background()
	c, err := client.New(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	var images *images
	if build {
		if err := c.Prune(ctx, nil, client.PruneAll); err != nil {
			return err
		}
		if images, err = newImages(); err != nil {
			return err
		}
		defer images.remove()
	}

	requests := make(chan request)
	var again []request
	output := json.NewEncoder(os.Stdout)
	var lock sync.Mutex
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for r := range requests {
				a := ask(ctx, c, frontends, images, r)
				lock.Lock()
				if a.missed(r) {
					again = append(again, r)
				} else {
					_ = output.Encode(a)
				}
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
	// A step that is in two cases at a time may run for both. Alone, and with an empty cache, it
	// runs for the frontend that is first, and for no other.
	for _, r := range again {
		if err := c.Prune(ctx, nil, client.PruneAll); err != nil {
			return err
		}
		_ = output.Encode(ask(ctx, c, frontends, images, r))
	}
	return err
}

// missed tells whether the frontend that built last ran what should have been in the cache.
func (a answer) missed(r request) bool {
	if len(a.Answers) == 0 {
		return false
	}
	last := a.Answers[len(a.Answers)-1]
	if r.OursFirst {
		last = a.Answers[0]
	}
	return last.Built != nil && last.Built.Failed == nil && len(last.Built.Ran) > 0 &&
		!parse(last.Definition).ignoresCache()
}

// ask opens a session with the case's folders and puts every question in it.
func ask(ctx context.Context, c *client.Client, frontends []frontend, images *images, r request) answer {
	a := answer{Name: r.Name}
	s, err := open(ctx, c, r, images)
	if err != nil {
		a.Broken = err.Error()
		return a
	}
	defer s.Close()
	replies := make([]reply, len(frontends))
	opt := client.SolveOpt{SharedSession: s, SessionPreInitialized: true}
	_, err = c.Build(ctx, opt, "convert", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		for i, f := range frontends {
			reply := &replies[i]
			if len(r.Subrequests) > 0 {
				inquire(ctx, gw, f, r, reply)
				continue
			}
			convert(ctx, gw, f, r.Options, reply)
			source := parse(reply.Definition).unreachable()
			if images != nil && source != "" {
				reply.Built = &built{Unreachable: source}
			}
			if images == nil || source != "" {
				_, _ = solve(ctx, gw, f, r.Options, reply)
			}
		}
		return gateway.NewResult(), nil
	}, nil)
	if err != nil {
		a.Broken = err.Error()
		return a
	}
	for n := range frontends {
		if r.OursFirst {
			n = len(frontends) - 1 - n
		}
		if images != nil && replies[n].Built == nil {
			images.build(ctx, c, s, frontends[n], r.Options, &replies[n])
		}
	}
	a.Answers = replies
	return a
}

// convert asks a frontend for its definition.
func convert(ctx context.Context, gw gateway.Client, f frontend, options map[string]string, r *reply) {
	options = maps.Clone(options)
	options["requestid"] = "frontend.convertllb"
	// A client says that it can do without a build before it asks for something else.
	options["frontend.caps"] = "moby.buildkit.frontend.subrequests"
	result, err := gw.Solve(ctx, f.request(options))
	if err != nil {
		r.Refused = refused(err)
		return
	}
	definition := string(result.Metadata["result.json"])
	r.Definition = &definition
}

// solve asks a frontend for its result.
func solve(ctx context.Context, gw gateway.Client, f frontend, options map[string]string, r *reply) (*gateway.Result, error) {
	result, err := gw.Solve(ctx, f.request(options))
	if err != nil {
		r.MetadataRefused = refused(err)
		return nil, err
	}
	r.Metadata = map[string]string{}
	for key, value := range result.Metadata {
		r.Metadata[key] = string(value)
	}
	for platform, attestations := range result.Attestations {
		for i, attestation := range attestations {
			r.Metadata[fmt.Sprintf("attestation %d of %s", i, platform)] = attested(ctx, attestation)
		}
	}
	return result, nil
}

func (f frontend) request(options map[string]string) gateway.SolveRequest {
	if f.source != "" {
		options = maps.Clone(options)
		options["source"] = f.source
	}
	return gateway.SolveRequest{Frontend: f.name, FrontendOpt: options}
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

func refused(err error) *refusal {
	r := &refusal{Code: grpcerrors.Code(err).String(), Message: err.Error(), Places: []place{}}
	for _, source := range errdefs.Sources(err) {
		for _, lines := range source.Ranges {
			r.Places = append(r.Places, place{
				File:  source.Info.GetFilename(),
				First: lines.Start.GetLine(),
				Last:  lines.End.GetLine(),
			})
		}
	}
	return r
}
