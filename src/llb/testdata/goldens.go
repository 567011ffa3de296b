// Writes what the original's client makes of the graphs in tests.rs, a file each.
//
// In a folder with a go.mod that requires github.com/moby/buildkit v0.32.2:
//
//	go run goldens.go <this folder>
//
// A file holds the digests of the ops in their order and, after an empty line, the answer of
// frontend.convertllb.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	apicapspb "github.com/moby/buildkit/util/apicaps/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

const someDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var (
	ctx   = context.Background()
	arm64 = llb.Platform(ocispecs.Platform{OS: "linux", Architecture: "arm64"})
	base  = llb.Image("alpine:3.22")
	src   = llb.Local("context", llb.SessionID("session"))
	other = llb.Image("docker.io/library/busybox:latest")
)

func main() {
	cases := map[string]llb.State{
		"image":                 base,
		"image-on-arm64":        llb.Image("alpine:3.22", arm64),
		"image-pull":            llb.Image("alpine@"+someDigest, llb.ResolveModeForcePull, llb.MarkImageInternal),
		"image-local":           llb.Image("ghcr.io/a/b:c", llb.ResolveModePreferLocal, llb.WithCustomName("[internal] <a> & b")),
		"local":                 src,
		"local-unique":          llb.Local("context", llb.LocalUniqueID("unique")),
		"local-everything":      localEverything(),
		"http":                  llb.HTTP("https://example.com/a.tar.gz"),
		"http-everything":       httpEverything(),
		"git":                   llb.Git("https://example.com/a/b.git", ""),
		"git-everything":        gitEverything(),
		"git-ssh":               gitSSH(),
		"git-bundle":            gitBundle(),
		"oci-layout":            llb.OCILayout("a/b@"+someDigest, llb.OCIStore("session", "store"), llb.OCILayerLimit(2)),
		"image-blob":            llb.ImageBlob("docker.io/a/b@"+someDigest, llb.Filename("f"), llb.Chmod(0o640), llb.Chown(1, 2)),
		"oci-layout-blob":       llb.OCILayoutBlob("docker.io/a/b@"+someDigest, llb.ImageBlobOCIStore("session", "store")),
		"exec":                  base.Dir("/").Run(llb.Args([]string{"make"})).Root(),
		"exec-without-path-cap": base.AddEnv("A", "1").Dir("/w").Run(llb.Args([]string{"make", "all"})).Root(),
		"exec-windows":          base.Platform(ocispecs.Platform{OS: "windows", Architecture: "amd64"}).Dir("/").Run(llb.Args([]string{"make"})).Root(),
		"exec-everything":       execEverything(),
		"exec-mounts":           execMounts(),
		"exec-outputs":          execOutputs(),
		"exec-readonly":         execReadonly(),
		"exec-scratch":          llb.Scratch().Dir("/").Run(llb.Args([]string{"/x"}), llb.AddMount("/a", llb.Scratch())).Root(),
		"file":                  fileEverything(base.Dir("/work")),
		"file-scratch":          fileEverything(llb.Scratch()),
		"file-copies":           fileCopies(),
		"merge-diff":            mergeDiff(),
		"diff-scratch":          llb.Diff(base, llb.Scratch()),
		"passthrough":           passthrough(),
		"metadata":              metadata(),
		"one-op-twice":          oneOpTwice(),
		"source-map":            sourceMap(),
		"foreign":               foreign(),
		"slot":                  slot(),
		"scratch":               llb.Scratch(),
	}
	for name, state := range cases {
		def := marshal(state, name)
		if err := os.WriteFile(filepath.Join(os.Args[1], name+".txt"), golden(def), 0o644); err != nil {
			panic(err)
		}
	}
}

func marshal(state llb.State, name string) *llb.Definition {
	var known []*apicapspb.APICap
	for _, c := range pb.Caps.All() {
		if c.ID == string(pb.CapExecMetaSetsDefaultPath) && (name == "exec-without-path-cap" || name == "exec-windows") {
			continue
		}
		known = append(known, c)
	}
	var caps apicaps.CapSet = pb.Caps.CapSet(known)
	platform := llb.LinuxAmd64
	if name == "exec-windows" {
		platform = llb.Windows
	}
	def, err := state.Marshal(ctx, platform, llb.WithCaps(caps))
	if err != nil {
		panic(fmt.Sprintf("%s: %+v", name, err))
	}
	return def
}

func golden(def *llb.Definition) []byte {
	result := &convertllb.Result{Def: map[digest.Digest]*pb.Op{}, Metadata: def.Metadata, Source: def.Source}
	out := "# client/llb of github.com/moby/buildkit v0.32.2, by goldens.go\n"
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			panic(err)
		}
		dgst := digest.FromBytes(dt)
		result.Def[dgst] = &op
		out += dgst.String() + "\n"
	}
	dt, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		panic(err)
	}
	return []byte(out + "\n" + string(dt) + "\n")
}

func localEverything() llb.State {
	return llb.Local("context",
		llb.SessionID("session"),
		llb.IncludePatterns([]string{"a", "b<c>"}),
		llb.FollowPaths([]string{"d & e", "ü\u2028\"\\"}),
		llb.ExcludePatterns([]string{"**/.git"}),
		llb.SharedKeyHint("hint"),
		llb.Differ(llb.DiffNone, true),
		llb.MetadataOnlyTransfer([]string{"*.txt"}),
	)
}

func httpEverything() llb.State {
	return llb.HTTP("https://example.com/a",
		llb.Checksum(someDigest),
		llb.Filename("f"),
		llb.Chmod(0o755),
		llb.Chown(0, 7),
		llb.AuthHeaderSecret("header"),
		llb.Header(llb.HTTPHeader{Accept: "text/plain", UserAgent: "us"}),
		llb.VerifyPGPSignature(llb.HTTPSignatureInfo{PubKey: []byte("key"), Signature: []byte("signature")}),
	)
}

func gitEverything() llb.State {
	return llb.Git("https://example.com:8443/a//b.git", "",
		llb.GitRef("v1"),
		llb.GitSubDir("sub/dir"),
		llb.KeepGitDir(),
		llb.AuthTokenSecret("token"),
		llb.GitChecksum("0123456789012345678901234567890123456789"),
		llb.GitSkipSubmodules(),
		llb.GitMTimeCommit(),
		llb.GitFetchByCommit(),
	)
}

func gitSSH() llb.State {
	return llb.Git("git@example.com:a/b.git", "", llb.KnownSSHHosts("example.com ssh-ed25519 AAAA"), llb.GitSubDir("sub"))
}

func gitBundle() llb.State {
	return llb.Git("https://example.com/a/b.git", "",
		llb.AuthHeaderSecret(""),
		llb.MountSSHSock("agent"),
		llb.GitChecksum("0123456789012345678901234567890123456789"),
		llb.GitBundleURL("oci-layout+blob://x@"+someDigest, llb.GitBundleOCIStore("session", "store")),
		llb.GitCheckoutBundle(),
	)
}

func execEverything() llb.State {
	env := "KEY"
	target := "/run/secrets/b"
	return base.Dir("/work").
		AddEnv("B", "2").AddEnv("A", "").AddEnv("PATH", "/bin").
		User("me:us").Hostname("host").
		Network(pb.NetMode_NONE).Security(pb.SecurityMode_INSECURE).
		AddExtraHost("a", net.ParseIP("10.0.0.1")).AddExtraHost("b", net.ParseIP("::1")).
		AddUlimit("nofile", 1024, 4096).
		WithCgroupParent("parent").
		Run(
			llb.Args([]string{"/bin/sh", "-c", "make <all> && true"}),
			llb.ValidExitCodes(0, 3),
			llb.WithProxy(llb.ProxyEnv{HTTPProxy: "http://p", HTTPSProxy: "https://p", FTPProxy: "ftp://p", NoProxy: "n", AllProxy: "all"}),
			llb.AddSecret("/run/secrets/a", llb.SecretID("a"), llb.SecretFileOpt(1, 2, 0o440), llb.SecretOptional),
			llb.AddSecretWithDest("b", &target, llb.SecretAsEnvName(env)),
			llb.AddSecretWithDest("c", nil, llb.SecretAsEnvName("C")),
			llb.AddSSHSocket(llb.SSHID("default")),
			llb.AddSSHSocket(llb.SSHID("agent"), llb.SSHSocketOpt("/agent", 3, 4, 0o666), llb.SSHOptional),
			llb.AddCDIDevice(llb.CDIDeviceName("vendor.com/gpu=0"), llb.CDIDeviceOptional),
			llb.WithLinuxResources(llb.LinuxResources{Memory: 1 << 30, MemorySwap: -1, CPUShares: 2, CPUPeriod: 100000, CPUQuota: 50000, CpusetCpus: "0-3", CpusetMems: "0"}),
			arm64,
		).Root()
}

func execMounts() llb.State {
	return base.Dir("/").Run(
		llb.Args([]string{"make"}),
		llb.AddMount("/z", src, llb.SourcePath("/sub"), llb.Readonly),
		llb.AddMount("/c", llb.Scratch(), llb.AsPersistentCacheDir("private", llb.CacheMountPrivate)),
		llb.AddMount("/b", other, llb.SourcePath("/x"), llb.AsPersistentCacheDir("locked", llb.CacheMountLocked), llb.Readonly),
		llb.AddMount("/d", llb.Scratch(), llb.AsPersistentCacheDir("shared", llb.CacheMountShared)),
		llb.AddMount("/dev/shm", llb.Scratch(), llb.Tmpfs(llb.TmpfsSize(1<<20))),
		llb.AddMount("/tmp", llb.Scratch(), llb.Tmpfs()),
		llb.AddMount("/a", base, llb.ForceNoOutput),
		llb.AddMount("/on", src, llb.ContentCache(llb.MountContentCacheOn)),
		llb.AddMount("/off", src, llb.ContentCache(llb.MountContentCacheOff), llb.Readonly),
		llb.AddMount("!first", other),
	).Root()
}

func execOutputs() llb.State {
	run := base.Dir("/").Run(llb.Args([]string{"make"}))
	out := run.AddMount("/out", llb.Scratch())
	again := run.AddMount("/again", src)
	first := run.AddMount("!", other)
	next := run.Root().Dir("/").Run(llb.Args([]string{"check"}))
	next.AddMount("/out", out, llb.Readonly)
	next.AddMount("/again", again, llb.Readonly)
	next.AddMount("/first", first, llb.Readonly)
	next.AddMount("/same", out, llb.Readonly)
	return next.Root()
}

func execReadonly() llb.State {
	run := base.Dir("/").Run(llb.Args([]string{"make"}), llb.ReadonlyRootFS())
	out := run.AddMount("/out", llb.Scratch())
	return run.Root().File(llb.Copy(out, "/", "/"))
}

func fileEverything(on llb.State) llb.State {
	made := time.Unix(1700000000, 5)
	user := &llb.ChownOpt{User: &llb.UserOpt{Name: "me"}, Group: &llb.UserOpt{UID: 7}}
	return on.File(
		llb.Mkdir("a/b", 0o755, llb.WithParents(true), llb.WithUIDGID(1, 2), llb.WithCreatedTime(made)).
			Mkfile("../f", 0o7644, []byte("data\x00"), *user).
			Mkfile("/empty", 0, nil, llb.WithUser("root")).
			Symlink("../old", "new", llb.WithUser("nobody:nogroup"), llb.WithCreatedTime(made)).
			Rm("/gone", llb.WithAllowNotFound(true), llb.WithAllowWildcard(true)).
			Rm("kept/").
			Copy(src, "/from/", "to/", &llb.CopyInfo{
				Mode:                           &llb.ChmodOpt{Mode: 0o4755},
				FollowSymlinks:                 true,
				CopyDirContentsOnly:            true,
				IncludePatterns:                []string{"i"},
				ExcludePatterns:                []string{"e", "f"},
				RequiredPaths:                  []string{"r"},
				AttemptUnpack:                  true,
				CreateDestPath:                 true,
				AllowWildcard:                  true,
				AllowEmptyWildcard:             true,
				ChownOpt:                       user,
				CreatedTime:                    &made,
				AlwaysReplaceExistingDestPaths: true,
			}).
			Copy(src, "x", ".", llb.ChmodOpt{ModeStr: "u=rwX,go-w"}).
			Copy(llb.Scratch(), "/", "/."),
	)
}

func fileCopies() llb.State {
	third := llb.Image("third")
	return base.File(
		llb.Copy(src, "/a", "/").Copy(other, "/b", "/").Copy(src, "/c", "/").Copy(third, "/d", "/").Copy(base, "/e", "/"),
	)
}

func mergeDiff() llb.State {
	changed := base.File(llb.Mkfile("/f", 0o644, []byte("x")))
	return llb.Merge([]llb.State{
		other,
		llb.Diff(base, changed, llb.WithCustomName("diff")),
		llb.Scratch(),
		other,
		llb.Diff(llb.Scratch(), src),
		llb.Merge([]llb.State{llb.Scratch(), src}),
	}, llb.WithCustomName("merge"))
}

func passthrough() llb.State {
	op := llb.NewPassthroughOp("id", []llb.PassthroughInput{
		{State: base},
		{State: llb.Scratch(), Output: true},
		{State: src, Output: true},
		{State: other, Output: true},
	})
	return llb.NewState(op.Output()).File(llb.Copy(llb.NewState(op.OutputAt(1)), "/a", "/"))
}

func metadata() llb.State {
	return base.
		File(llb.Mkdir("/a", 0o755), llb.IgnoreCache, llb.WithCustomName("a"), llb.WithDescription(map[string]string{"k": "v"})).
		File(llb.Mkdir("/b", 0o755), llb.WithExportCache(), llb.ProgressGroup("id", "name", true), llb.MemoryLimit(5)).
		File(llb.Mkdir("/c", 0o755), llb.WithoutExportCache(), llb.Require("filter==a", "filter==b"), arm64)
}

func oneOpTwice() llb.State {
	file := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("a\nb\n"))
	again := func(opts ...llb.ConstraintsOpt) llb.State { return base.File(llb.Mkdir("/a", 0o755), opts...) }
	return llb.Merge([]llb.State{
		again(llb.WithCustomName("first"), llb.WithDescription(map[string]string{"k": "v"}), file.Location(lines(1, 1)), llb.ProgressGroup("1", "", false)),
		again(llb.WithCustomName("second"), file.Location(lines(2, 2)), llb.IgnoreCache, llb.WithoutExportCache()),
		again(),
	})
}

func sourceMap() llb.State {
	dockerfile := llb.Local("dockerfile", llb.SessionID("session"), llb.WithCustomName("[internal] load build definition"))
	one := llb.NewSourceMap(&dockerfile, "Dockerfile", "Dockerfile", []byte("FROM alpine\nRUN <x>\n"))
	same := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM alpine\nRUN <x>\n"))
	two := llb.NewSourceMap(nil, "other", "JSON", nil)
	return llb.Image("alpine", two.Location(lines(9, 9))).Dir("/").
		Run(llb.Args([]string{"x"}), one.Location(lines(2, 2)), two.Location(append(lines(1, 3), lines(5, 6)...))).Root().
		File(llb.Mkdir("/a", 0o755), same.Location(lines(1, 1))).
		File(llb.Mkdir("/b", 0o755))
}

func lines(start, end int32) []*pb.Range {
	return []*pb.Range{{Start: &pb.Position{Line: start}, End: &pb.Position{Line: end}}}
}

func foreign() llb.State {
	op, err := llb.NewDefinitionOp(marshal(sourceMap(), "").ToPB())
	if err != nil {
		panic(err)
	}
	file := llb.NewSourceMap(nil, "other", "JSON", nil)
	state := llb.NewState(op)
	return state.Dir("/").Run(llb.Args([]string{"y"}), llb.AddMount("/a", llb.Image("alpine"), llb.Readonly), file.Location(lines(7, 7))).Root().
		File(llb.Copy(state, "/x", "/y"))
}

func slot() llb.State {
	late := llb.Scratch().Async(func(context.Context, llb.State, *llb.Constraints) (llb.State, error) {
		return llb.Local("context", llb.SessionID("session"), llb.FollowPaths([]string{"a"})), nil
	})
	return base.Dir("/").Run(llb.Args([]string{"x"}), llb.AddMount("/a", late, llb.Readonly)).Root().File(llb.Copy(late, "/a", "/"))
}
