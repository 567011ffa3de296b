package main

import (
	"context"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	sessioncontent "github.com/moby/buildkit/session/content"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/grpchijack"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// open starts a session that offers the case's folders, a value for every secret, and an agent
// that knows no key; and takes exported images, if any.
func open(ctx context.Context, c *client.Client, r request, images *images) (*session.Session, error) {
	folders := filesync.StaticDirSource{}
	for name, folder := range r.Locals {
		fs, err := fsutil.NewFS(folder)
		if err != nil {
			return nil, err
		}
		folders[name] = fs
	}
	s, err := session.NewSession(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	s.Allow(filesync.NewFSSyncProvider(folders))
	s.Allow(authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{}))
	s.Allow(secretsprovider.NewSecretProvider(anySecret{}))
	s.Allow(emptyAgent{})
	if images != nil {
		s.Allow(sessioncontent.NewAttachable(map[string]content.Store{"export": images.store}))
	}
	go func() { _ = s.Run(ctx, grpchijack.Dialer(c.ControlClient())) }()
	return s, nil
}

// anySecret has a value for every id.
type anySecret struct{}

func (anySecret) GetSecret(_ context.Context, id string) ([]byte, error) {
	return []byte("the secret " + id), nil
}

// An emptyAgent is there under every id, and no one can talk to it.
type emptyAgent struct {
	sshforward.UnimplementedSSHServer
}

func (a emptyAgent) Register(server *grpc.Server) {
	sshforward.RegisterSSHServer(server, a)
}

func (emptyAgent) CheckAgent(context.Context, *sshforward.CheckAgentRequest) (*sshforward.CheckAgentResponse, error) {
	return &sshforward.CheckAgentResponse{}, nil
}

func (emptyAgent) ForwardAgent(sshforward.SSH_ForwardAgentServer) error {
	return status.Error(codes.Unavailable, "this agent is empty")
}
