package main

import (
	"encoding/json"
	"path"
	"sync"
	"time"
)

// notes are what is remembered of the calls, in the order in which they began.
type notes struct {
	start time.Time // of the frontend
	lock  sync.Mutex
	calls []call
	// The largest depth of a call that has ended.
	deepest int
}

// A call is one question of the frontend and its answer. Times are microseconds since the frontend was started.
type call struct {
	Method string `json:"method"`
	Began  int64  `json:"began"`
	// Nothing, while it lasts.
	Ended *int64 `json:"ended"`
	// Depth is 1 where no call had ended when this one began, and one more than the largest of those that had.
	Depth int `json:"depth"`
}

// begin gives the number of a new call.
func (n *notes) begin(method string) int {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.calls = append(n.calls, call{Method: path.Base(method), Began: n.now(), Depth: n.deepest + 1})
	return len(n.calls) - 1
}

func (n *notes) end(number int) {
	n.lock.Lock()
	defer n.lock.Unlock()
	now := n.now()
	n.calls[number].Ended = &now
	n.deepest = max(n.deepest, n.calls[number].Depth)
}

func (n *notes) json() ([]byte, error) {
	n.lock.Lock()
	defer n.lock.Unlock()
	return json.Marshal(n.calls)
}

func (n *notes) now() int64 {
	return time.Since(n.start).Microseconds()
}
