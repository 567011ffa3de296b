// Command original answers Dockerfiles as the original does, in its own process and without a
// daemon.
//
// Its first line on stdout names the capabilities of the daemon that it plays. Then it reads one
// case a line from stdin and prints one answer a line, both JSON. The daemon that is played knows
// the files and the image configs that the case brings, solves nothing, and gives every definition
// back; xtask/src/fuzz/world.rs plays the same one for ours.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	apicapspb "github.com/moby/buildkit/util/apicaps/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// A hello says what the daemon can do.
type hello struct {
	LLB     []string `json:"llb"`
	Gateway []string `json:"gateway"`
}

// A request is one case.
type request struct {
	Options map[string]string `json:"options"`
	// Files of local sources: the source's name, a slash, the path.
	Files map[string][]byte `json:"files"`
	// Images are their configs by reference; `*` stands for every other, and one without a config
	// cannot be found.
	Images map[string]string `json:"images"`
	// Inputs are definitions that the caller hands over, by name.
	Inputs map[string][]byte `json:"inputs"`
	// Platform is the worker's.
	Platform string `json:"platform"`
}

// An answer is what comes back to the client.
type answer struct {
	Refused   *refusal          `json:"refused"`
	Built     *built            `json:"built"`
	Forwarded map[string]string `json:"forwarded"`
	Warnings  []warning         `json:"warnings"`
	// Broken says how the original fell over.
	Broken string `json:"broken"`
}

type refusal struct {
	Message string `json:"message"`
	Code    uint32 `json:"code"`
	// Places are groups of ranges: line and character, from and to.
	Places [][][4]int32 `json:"places"`
}

type built struct {
	// Refs by platform; the name of the only one is empty.
	Refs     map[string]*solved `json:"refs"`
	Metadata map[string][]byte  `json:"metadata"`
	// Attestations by platform.
	Attestations map[string][]attestation `json:"attestations"`
}

type attestation struct {
	Kind      int32             `json:"kind"`
	Metadata  map[string][]byte `json:"metadata"`
	Path      string            `json:"path"`
	Predicate string            `json:"predicate"`
	Subjects  int               `json:"subjects"`
	Ref       *solved           `json:"ref"`
}

type solved struct {
	Definition   []byte        `json:"definition"`
	CacheImports []cacheImport `json:"cache_imports"`
}

type cacheImport struct {
	Type  string            `json:"type"`
	Attrs map[string]string `json:"attrs"`
}

type warning struct {
	Digest string     `json:"digest"`
	Level  int        `json:"level"`
	Short  string     `json:"short"`
	Detail []string   `json:"detail"`
	URL    string     `json:"url"`
	File   string     `json:"file"`
	Ranges [][4]int32 `json:"ranges"`
}

func main() {
	// Sources over SSH ask hosts for their keys. There are none.
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no names are known here")
		},
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "original:", err)
		os.Exit(1)
	}
}

func run() error {
	output := json.NewEncoder(os.Stdout)
	if err := output.Encode(hello{LLB: names(pb.Caps.All()), Gateway: names(gatewaypb.Caps.All())}); err != nil {
		return err
	}
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	for input.More() {
		var r request
		if err := input.Decode(&r); err != nil {
			return err
		}
		if err := output.Encode(ask(r)); err != nil {
			return err
		}
	}
	return nil
}

func names(caps []*apicapspb.APICap) []string {
	var names []string
	for _, c := range caps {
		if c.Enabled {
			names = append(names, c.ID)
		}
	}
	return names
}

func ask(r request) (a answer) {
	w := &world{request: r}
	defer func() {
		if fault := recover(); fault != nil {
			a = answer{Broken: fmt.Sprint(fault)}
		}
	}()
	result, err := builder.Build(context.Background(), w)
	a.Warnings = w.warnings
	switch {
	case err != nil:
		a.Refused = refused(err)
	case w.forwarded != nil:
		a.Forwarded = w.forwarded
	default:
		a.Built = describe(result)
	}
	return a
}

func refused(err error) *refusal {
	r := &refusal{Message: err.Error(), Code: uint32(grpcerrors.Code(err))}
	for _, source := range errdefs.Sources(err) {
		r.Places = append(r.Places, ranges(source.Ranges))
	}
	return r
}

func describe(result *gateway.Result) *built {
	b := &built{Refs: map[string]*solved{}, Metadata: result.Metadata}
	add := func(name string, ref gateway.Reference) {
		b.Refs[name] = nil
		if ref != nil {
			b.Refs[name] = ref.(*reference).solved()
		}
	}
	if result.Refs == nil {
		add("", result.Ref)
	}
	for name, ref := range result.Refs {
		add(name, ref)
	}
	b.Attestations = map[string][]attestation{}
	for platform, list := range result.Attestations {
		for _, one := range list {
			told := attestation{
				Kind:      int32(one.Kind),
				Metadata:  one.Metadata,
				Path:      one.Path,
				Predicate: one.InToto.PredicateType,
				Subjects:  len(one.InToto.Subjects),
			}
			if one.Ref != nil {
				told.Ref = one.Ref.(*reference).solved()
			}
			b.Attestations[platform] = append(b.Attestations[platform], told)
		}
	}
	return b
}

func ranges(all []*pb.Range) [][4]int32 {
	written := [][4]int32{}
	for _, r := range all {
		written = append(written, [4]int32{r.Start.GetLine(), r.Start.GetCharacter(), r.End.GetLine(), r.End.GetCharacter()})
	}
	return written
}

// A world is the daemon that is played.
type world struct {
	request
	lock      sync.Mutex
	warnings  []warning
	forwarded map[string]string
}

func (w *world) BuildOpts() gateway.BuildOpts {
	if w.Options == nil {
		w.Options = map[string]string{}
	}
	return gateway.BuildOpts{
		Opts:      w.Options,
		SessionID: "session",
		Workers:   []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{platforms.MustParse(w.Platform)}}},
		LLBCaps:   capabilities(&pb.Caps),
		Caps:      capabilities(&gatewaypb.Caps),
	}
}

func capabilities(list *apicaps.CapList) apicaps.CapSet {
	return list.CapSet(list.All())
}

func (w *world) Solve(_ context.Context, r gateway.SolveRequest) (*gateway.Result, error) {
	result := gateway.NewResult()
	if r.Frontend != "" {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.forwarded = map[string]string{"": r.Frontend}
		for key, value := range r.FrontendOpt {
			w.forwarded[key] = value
		}
		return result, nil
	}
	if len(r.Definition.Def) > 0 {
		result.SetRef(&reference{world: w, request: r})
	}
	return result, nil
}

func (w *world) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, known := w.Images[ref]
	if !known {
		config = w.Images["*"]
	}
	if config == "" {
		return "", "", nil, fmt.Errorf("%s: not found", ref)
	}
	kind, mode, platform := "image", "", (*ocispecs.Platform)(nil)
	if opt.ImageOpt != nil {
		mode, platform = opt.ImageOpt.ResolveMode, opt.ImageOpt.Platform
	}
	if opt.OCILayoutOpt != nil {
		kind, platform = "layout", opt.OCILayoutOpt.Platform
	}
	asked := platforms.Normalize(platforms.DefaultSpec())
	written := ""
	if platform != nil {
		asked = *platform
		written = platforms.FormatAll(*platform)
	}
	config = strings.NewReplacer("%OS%", asked.OS, "%ARCH%", asked.Architecture, "%VARIANT%", asked.Variant).Replace(config)
	// What was asked shows in the answer, and so in what is made of it.
	return ref, digest.FromString(strings.Join([]string{kind, ref, mode, written}, " ")), []byte(config), nil
}

// commit is what every repository is at.
const commit = `tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author a <a@example.com> 1600000000 +0100
committer c <c@example.com> 1600000001 -0230

text
`

// modified is when every download was changed last.
var modified = time.Unix(1500000000, 0)

func (w *world) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	scheme, rest, _ := strings.Cut(op.Identifier, "://")
	response := &sourceresolver.MetaResponse{Op: op}
	switch scheme {
	case "docker-image", "oci-layout":
		_, about, config, err := w.ResolveImageConfig(ctx, rest, opt)
		if err != nil {
			return nil, err
		}
		response.Image = &sourceresolver.ResolveImageResponse{Digest: about, Config: config}
	case "git":
		response.Git = &sourceresolver.ResolveGitResponse{}
		if opt.GitOpt != nil && opt.GitOpt.ReturnObject {
			response.Git.CommitObject = []byte(commit)
		}
	case "http", "https":
		response.HTTP = &sourceresolver.ResolveHTTPResponse{}
		if !strings.Contains(rest, "undated") {
			response.HTTP.LastModified = &modified
		}
	}
	return response, nil
}

func (w *world) Inputs(context.Context) (map[string]llb.State, error) {
	inputs := map[string]llb.State{}
	for name, written := range w.request.Inputs {
		var definition pb.Definition
		if err := definition.Unmarshal(written); err != nil {
			return nil, err
		}
		op, err := llb.NewDefinitionOp(&definition)
		if err != nil {
			return nil, err
		}
		inputs[name] = llb.NewState(op)
	}
	return inputs, nil
}

func (w *world) NewContainer(context.Context, gateway.NewContainerRequest) (gateway.Container, error) {
	return nil, errors.New("no containers run here")
}

func (w *world) Warn(_ context.Context, about digest.Digest, short string, opts gateway.WarnOpts) error {
	told := warning{
		Digest: about.String(),
		Level:  opts.Level,
		Short:  short,
		Detail: []string{},
		URL:    opts.URL,
		File:   opts.SourceInfo.GetFilename(),
		Ranges: ranges(opts.Range),
	}
	for _, line := range opts.Detail {
		told.Detail = append(told.Detail, string(line))
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	w.warnings = append(w.warnings, told)
	return nil
}

// A reference is a definition that was not solved.
type reference struct {
	world   *world
	request gateway.SolveRequest
}

func (r *reference) solved() *solved {
	definition, err := r.request.Definition.MarshalVT()
	if err != nil {
		panic(err)
	}
	s := &solved{Definition: definition, CacheImports: []cacheImport{}}
	for _, entry := range r.request.CacheImports {
		s.CacheImports = append(s.CacheImports, cacheImport{Type: entry.Type, Attrs: entry.Attrs})
	}
	return s
}

// ReadFile reads a file of the source that the definition begins with.
func (r *reference) ReadFile(_ context.Context, read gateway.ReadRequest) ([]byte, error) {
	var op pb.Op
	if err := op.Unmarshal(r.request.Definition.Def[0]); err != nil {
		return nil, err
	}
	local, isLocal := strings.CutPrefix(op.GetSource().GetIdentifier(), "local://")
	if !isLocal {
		// A repository or a download holds what the client's folder holds.
		local = "dockerfile"
	}
	if content, ok := r.world.Files[local+"/"+read.Filename]; ok {
		if read.Range != nil {
			content = content[min(read.Range.Offset, len(content)):]
			content = content[:min(read.Range.Length, len(content))]
		}
		return content, nil
	}
	return nil, fmt.Errorf("open %s: no such file or directory", read.Filename)
}

func (r *reference) ToState() (llb.State, error) {
	return llb.Scratch(), errors.New("nothing is solved here")
}

func (r *reference) Evaluate(context.Context) error {
	return nil
}

func (r *reference) StatFile(_ context.Context, stat gateway.StatRequest) (*fstypes.Stat, error) {
	return nil, fmt.Errorf("stat %s: no such file or directory", stat.Path)
}

func (r *reference) ReadDir(_ context.Context, read gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	return nil, fmt.Errorf("open %s: no such file or directory", read.Path)
}
