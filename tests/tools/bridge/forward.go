package main

import (
	"context"
	"errors"
	"io"
	"time"

	pb "github.com/moby/buildkit/frontend/gateway/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// BuildKit's own limit on a message.
const largest = 16 << 20

// The key of the result's metadata that holds the notes.
const key = "bridge.calls"

// forward hands calls on.
type forward struct {
	daemon *grpc.ClientConn
	delay  time.Duration
	notes  *notes
	// Tells says that the notes are wanted.
	tells bool
}

// call hands one call on, of whatever method, and comes back with the daemon's answer, or with its error and
// all that belongs to it.
func (f *forward) call(_ any, frontend grpc.ServerStream) error {
	ctx, cancel := context.WithCancel(frontend.Context())
	defer cancel()
	method, _ := grpc.Method(ctx)
	call := f.notes.begin(method)
	defer f.notes.end(call)
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}

	if sent, found := metadata.FromIncomingContext(ctx); found {
		ctx = metadata.NewOutgoingContext(ctx, sent)
	}
	both := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	daemon, err := f.daemon.NewStream(ctx, both, method)
	if err != nil {
		return err
	}
	go func() {
		if f.questions(method, frontend, daemon) != nil {
			cancel()
		}
	}()
	err = answers(daemon, frontend)
	frontend.SetTrailer(daemon.Trailer())
	return err
}

// questions hands on what the frontend sends, until it has no more to say.
func (f *forward) questions(method string, frontend grpc.ServerStream, daemon grpc.ClientStream) error {
	for {
		var message []byte
		err := frontend.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return daemon.CloseSend()
		}
		if err != nil {
			return err
		}
		if f.tells && method == pb.LLBBridge_Return_FullMethodName {
			if message, err = f.noted(message); err != nil {
				return err
			}
		}
		if daemon.SendMsg(&message) != nil {
			return nil // The answer says why.
		}
	}
}

// answers hands back what the daemon sends, until it has no more to say.
func answers(daemon grpc.ClientStream, frontend grpc.ServerStream) error {
	for {
		var message []byte
		err := daemon.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := frontend.SendMsg(&message); err != nil {
			return err
		}
	}
}

// noted adds the notes to a result; an error is returned as it is.
func (f *forward) noted(message []byte) ([]byte, error) {
	var request pb.ReturnRequest
	if err := proto.Unmarshal(message, &request); err != nil {
		return nil, err
	}
	if request.Result == nil {
		return message, nil
	}
	notes, err := f.notes.json()
	if err != nil {
		return nil, err
	}
	if request.Result.Metadata == nil {
		request.Result.Metadata = map[string][]byte{}
	}
	request.Result.Metadata[key] = notes
	return proto.Marshal(&request)
}

// unread is the codec of messages that nobody reads: they are bytes.
type unread struct{}

var _ encoding.CodecV2 = unread{}

func (unread) Name() string { return "proto" }

func (unread) Marshal(message any) (mem.BufferSlice, error) {
	bytes, ok := message.(*[]byte)
	if !ok {
		return nil, status.Errorf(codes.Internal, "%T is no message", message)
	}
	return mem.BufferSlice{mem.SliceBuffer(*bytes)}, nil
}

func (unread) Unmarshal(data mem.BufferSlice, message any) error {
	bytes, ok := message.(*[]byte)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", message)
	}
	*bytes = data.Materialize()
	return nil
}
