// Command bridge stands between a daemon and a frontend, and notes what passes.
//
// It is the entrypoint of a frontend image in the place of the frontend, whose command line are its
// arguments. It starts the frontend with two pipes, hands every call on as it came, and every answer back,
// each call after a delay: the frontend option bridge-latency. Where that is given, it reads one message, the
// last, which is the result, and adds its notes. Knows nothing of Dockerfiles, nor of what the calls mean.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Where the delay is found in the environment: the daemon numbers a frontend's options. The frontend does not see it.
const (
	option  = "BUILDKIT_FRONTEND_OPT_"
	latency = "bridge-latency="
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: bridge FRONTEND [ARGUMENT...]")
		os.Exit(2)
	}
	err := run(os.Args[1], os.Args[2:])
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		os.Exit(1)
	}
}

// run ends when the frontend does.
func run(program string, arguments []string) error {
	environment, delay, tells, err := sorted(os.Environ())
	if err != nil {
		return err
	}
	daemon, err := dial(pipes{os.Stdin, os.Stdout})
	if err != nil {
		return err
	}
	frontend := exec.Command(program, arguments...)
	frontend.Env = environment
	frontend.Stderr = os.Stderr
	input, err := frontend.StdinPipe()
	if err != nil {
		return err
	}
	output, err := frontend.StdoutPipe()
	if err != nil {
		return err
	}
	f := &forward{daemon: daemon, delay: delay, tells: tells, notes: &notes{start: time.Now()}}
	if err := frontend.Start(); err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(unread{}),
		grpc.UnknownServiceHandler(f.call),
		grpc.MaxRecvMsgSize(largest),
		grpc.MaxSendMsgSize(largest),
	)
	go func() { _ = server.Serve(only(pipes{output, input})) }()
	return frontend.Wait()
}

// sorted takes the delay out of the environment, if it is there.
func sorted(environment []string) (rest []string, delay time.Duration, found bool, err error) {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		written, ours := strings.CutPrefix(value, latency)
		if !ours || !strings.HasPrefix(name, option) {
			rest = append(rest, variable)
			continue
		}
		found = true
		if delay, err = time.ParseDuration(written); err != nil {
			return nil, 0, false, err
		}
	}
	return rest, delay, found, nil
}
