// Command bench measures how long the original takes to convert Dockerfiles and to marshal what
// they become.
//
// It takes an image config, which every base image has, and Dockerfiles, and prints a line of
// JSON for each; so does ours, benches/conversion.rs. No daemon is asked for anything.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// How long one file is measured; ours does the same.
const (
	budget = 2 * time.Second
	fewest = 5
	most   = 1001
	long   = 10 * time.Second
)

// An answer says what was measured and what came out of it.
type answer struct {
	Fastest int64         `json:"fastest"`
	Median  int64         `json:"median"`
	First   int64         `json:"first"`
	Runs    int           `json:"runs"`
	Memory  *int64        `json:"memory"`
	Ops     int           `json:"ops"`
	Bytes   int           `json:"bytes"`
	Head    digest.Digest `json:"head"`
	Image   digest.Digest `json:"image"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("usage: bench IMAGE-CONFIG DOCKERFILE...")
	}
	config, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	output := json.NewEncoder(os.Stdout)
	for _, path := range arguments[1:] {
		dockerfile, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		a, err := measure(dockerfile, images(config))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := output.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func measure(dockerfile []byte, resolver llb.ImageMetaResolver) (*answer, error) {
	var times []time.Duration
	var spent time.Duration
	var a answer
	for len(times) < most && (len(times) < fewest || spent < budget) {
		start := time.Now()
		definition, image, err := convert(dockerfile, resolver)
		taken := time.Since(start)
		if err != nil {
			return nil, err
		}
		times = append(times, taken)
		spent += taken
		if len(times) == 1 {
			a, err = describe(definition, image)
			if err != nil {
				return nil, err
			}
			a.Memory = peakMemory()
		}
		if taken > long {
			break
		}
	}
	a.First = times[0].Nanoseconds()
	slices.Sort(times)
	a.Fastest = times[0].Nanoseconds()
	a.Median = times[len(times)/2].Nanoseconds()
	a.Runs = len(times)
	return &a, nil
}

func convert(dockerfile []byte, resolver llb.ImageMetaResolver) (*llb.Definition, []byte, error) {
	ctx := context.Background()
	// A local context would have a name by chance, so that no two definitions were equal.
	files := llb.Image("docker.io/library/context:latest", llb.WithCustomName("context"))
	capabilities := pb.Caps.CapSet(pb.Caps.All())
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, dockerfile, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildPlatforms: []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())},
		},
		MainContext:  &files,
		MetaResolver: resolver,
		LLBCaps:      &capabilities,
		SourceMap:    llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", dockerfile),
	})
	if err != nil {
		return nil, nil, err
	}
	definition, err := result.State.Marshal(ctx)
	if err != nil {
		return nil, nil, err
	}
	image, err := json.Marshal(result.Image)
	return definition, image, err
}

func describe(definition *llb.Definition, image []byte) (answer, error) {
	head, err := definition.Head()
	if err != nil {
		return answer{}, err
	}
	bytes := len(image)
	for _, op := range definition.Def {
		bytes += len(op)
	}
	return answer{
		Ops:   len(definition.Def),
		Bytes: bytes,
		Head:  head,
		Image: digest.FromBytes(image),
	}, nil
}

// PeakMemory is the most memory that this process ever had, in KiB, where the system says it.
func peakMemory() *int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	var peak int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak); err == nil {
			return &peak
		}
	}
	return nil
}

// Images has one config for every image.
type images []byte

func (config images) ResolveImageConfig(_ context.Context, reference string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return reference, "", config, nil
}
