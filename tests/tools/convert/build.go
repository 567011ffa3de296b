package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
)

// An epoch is what the layers' times become where no cache makes them equal.
const epoch = "1700000000"

// built is what became of a frontend's result.
type built struct {
	// Unreachable is a source that is not on this machine; then nothing is built.
	Unreachable string   `json:"unreachable,omitempty"`
	Failed      *refusal `json:"failed,omitempty"`
	// Images are those of the index, or the one.
	Images []image `json:"images"`
	// Ran are the names of the steps that the daemon did not find in its cache; of those that
	// take something from other steps, because what is fetched is not looked for there.
	Ran []string `json:"ran"`
}

// An image is one platform's, as exported.
type image struct {
	Descriptor json.RawMessage `json:"descriptor"`
	Manifest   json.RawMessage `json:"manifest"`
	Config     json.RawMessage `json:"config"`
}

// images is where exported images go: each blob once, until the end.
type images struct {
	folder string
	store  content.Store
}

func newImages() (*images, error) {
	folder, err := os.MkdirTemp("", "convert-")
	if err != nil {
		return nil, err
	}
	store, err := contentlocal.NewStore(folder)
	if err != nil {
		return nil, err
	}
	return &images{folder: folder, store: store}, nil
}

func (images *images) remove() {
	_ = os.RemoveAll(images.folder)
}

// attempts is how often a build is tried that was cancelled, though nobody did.
const attempts = 5

// build asks a frontend for its result, and builds that.
//
// A source that fails cancels the others. Of the two errors the client tells the one that came first, which may be that something
// was cancelled: it says nothing of the case.
func (images *images) build(ctx context.Context, c *client.Client, s *session.Session, f frontend, options map[string]string, r *reply) {
	before := *r
	for range attempts {
		*r = before
		images.buildOnce(ctx, c, s, f, options, r)
		if r.Built == nil || r.Built.Failed == nil || r.Built.Failed.Code != codes.Canceled.String() {
			return
		}
	}
}

func (images *images) buildOnce(ctx context.Context, c *client.Client, s *session.Session, f frontend, options map[string]string, r *reply) {
	attributes := map[string]string{"tar": "false"}
	if parse(r.Definition).ignoresCache() {
		attributes["source-date-epoch"] = epoch
		attributes["rewrite-timestamp"] = "true"
	}
	opt := client.SolveOpt{
		SharedSession:         s,
		SessionPreInitialized: true,
		AllowedEntitlements:   []string{"network.host", "security.insecure", "device"},
		Exports:               []client.ExportEntry{{Type: client.ExporterOCI, Attrs: attributes, OutputStore: images.store}},
	}
	progress := make(chan *client.SolveStatus)
	steps := make(chan map[digest.Digest]client.Vertex)
	go func() {
		seen := map[digest.Digest]client.Vertex{}
		for status := range progress {
			for _, vertex := range status.Vertexes {
				seen[vertex.Digest] = *vertex
			}
		}
		steps <- seen
	}()
	response, err := c.Build(ctx, opt, "convert", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		return solve(ctx, gw, f, options, r)
	}, progress)
	seen := <-steps
	if r.Metadata == nil {
		if r.MetadataRefused == nil {
			r.MetadataRefused = refused(err)
		}
		return
	}
	r.Built = &built{}
	for _, vertex := range seen {
		if vertex.Started != nil && !vertex.Cached && len(vertex.Inputs) > 0 {
			r.Built.Ran = append(r.Built.Ran, vertex.Name)
		}
	}
	if err == nil {
		r.Built.Images, err = images.read(ctx, response.ExporterResponse)
	}
	if err != nil {
		r.Built.Failed = refused(err)
	}
}

// A definition is what has to be known of it before it is built.
type definition struct {
	Ops map[string]struct {
		Source struct {
			Identifier string `json:"identifier"`
		} `json:"source"`
	} `json:"def"`
	Metadata map[string]struct {
		IgnoreCache bool `json:"ignore_cache"`
	} `json:"metadata"`
}

// parse gives an empty definition where the frontend gave none.
func parse(written *string) (d definition) {
	if written != nil {
		_ = json.Unmarshal([]byte(*written), &d)
	}
	return d
}

// unreachable is a source that lies on another machine, if there is one.
//
// Such a definition is not built. Nobody answers there, and the daemon does not survive two
// fetches from one git host that it cannot reach: it keeps a nil for the second.
func (d definition) unreachable() string {
	first := ""
	for _, op := range d.Ops {
		source := op.Source.Identifier
		scheme, _, _ := strings.Cut(source, "://")
		if (scheme == "git" || scheme == "http" || scheme == "https") && (first == "" || source < first) {
			first = source
		}
	}
	return first
}

// ignoresCache tells whether some step runs every time.
func (d definition) ignoresCache() bool {
	for _, metadata := range d.Metadata {
		if metadata.IgnoreCache {
			return true
		}
	}
	return false
}

// read takes what was exported out of the store.
func (images *images) read(ctx context.Context, response map[string]string) ([]image, error) {
	written, err := base64.StdEncoding.DecodeString(response[exptypes.ExporterImageDescriptorKey])
	if err != nil {
		return nil, err
	}
	var descriptor ocispecs.Descriptor
	if err := json.Unmarshal(written, &descriptor); err != nil {
		return nil, errors.Wrap(err, "the exporter's answer")
	}
	if descriptor.MediaType != ocispecs.MediaTypeImageIndex {
		one, err := images.image(ctx, descriptor)
		return []image{one}, err
	}
	var index ocispecs.Index
	if _, err := images.blob(ctx, descriptor, &index); err != nil {
		return nil, err
	}
	var all []image
	for _, descriptor := range index.Manifests {
		one, err := images.image(ctx, descriptor)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (images *images) image(ctx context.Context, descriptor ocispecs.Descriptor) (image, error) {
	var manifest ocispecs.Manifest
	var one image
	var err error
	if one.Descriptor, err = json.Marshal(descriptor); err != nil {
		return one, err
	}
	if one.Manifest, err = images.blob(ctx, descriptor, &manifest); err != nil {
		return one, err
	}
	var config ocispecs.Image
	one.Config, err = images.blob(ctx, manifest.Config, &config)
	return one, err
}

func (images *images) blob(ctx context.Context, descriptor ocispecs.Descriptor, into any) ([]byte, error) {
	bytes, err := content.ReadBlob(ctx, images.store, descriptor)
	if err != nil {
		return nil, err
	}
	return bytes, json.Unmarshal(bytes, into)
}
