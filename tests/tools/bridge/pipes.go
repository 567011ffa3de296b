package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// pipes are two pipes as one connection.
type pipes struct {
	io.ReadCloser
	output io.WriteCloser
}

func (p pipes) Write(bytes []byte) (int, error) { return p.output.Write(bytes) }

func (p pipes) Close() error { return errors.Join(p.ReadCloser.Close(), p.output.Close()) }

func (pipes) LocalAddr() net.Addr              { return nowhere{} }
func (pipes) RemoteAddr() net.Addr             { return nowhere{} }
func (pipes) SetDeadline(time.Time) error      { return nil }
func (pipes) SetReadDeadline(time.Time) error  { return nil }
func (pipes) SetWriteDeadline(time.Time) error { return nil }

// nowhere is the address of either end of a pipe.
type nowhere struct{}

func (nowhere) Network() string { return "pipe" }
func (nowhere) String() string  { return "localhost" }

// dial makes a client of a connection that nothing can open again.
func dial(connection net.Conn) (*grpc.ClientConn, error) {
	connections := only(connection)
	return grpc.NewClient("passthrough:///localhost",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return connections.Accept() }),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(unread{}),
			grpc.MaxCallRecvMsgSize(largest),
			grpc.MaxCallSendMsgSize(largest),
		),
		grpc.WithIdleTimeout(0),
	)
}

// A listener has one connection to give.
type listener struct {
	connection net.Conn
	once       sync.Once
}

func only(connection net.Conn) *listener { return &listener{connection: connection} }

// Accept gives the connection, and then ends the serving of more; those that are served go on.
func (l *listener) Accept() (accepted net.Conn, err error) {
	err = io.EOF
	l.once.Do(func() { accepted, err = l.connection, nil })
	return accepted, err
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return nowhere{} }
