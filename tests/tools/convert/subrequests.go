package main

import (
	"context"
	"maps"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// An outcome is what one frontend said to one subrequest.
type outcome struct {
	// Metadata is the answer: result.json, result.txt and what else there is.
	Metadata map[string]string `json:"metadata"`
	Refused  *refusal          `json:"refused,omitempty"`
}

// inquire puts the subrequests of a case to one frontend.
func inquire(ctx context.Context, gw gateway.Client, f frontend, asked request, r *reply) {
	r.Outcomes = map[string]outcome{}
	options := maps.Clone(asked.Options)
	options["frontend.caps"] = "moby.buildkit.frontend.subrequests"
	for _, name := range asked.Subrequests {
		options["requestid"] = name
		result, err := gw.Solve(ctx, f.request(options))
		if err != nil {
			r.Outcomes[name] = outcome{Refused: refused(err)}
			continue
		}
		metadata := map[string]string{}
		for key, value := range result.Metadata {
			metadata[key] = string(value)
		}
		r.Outcomes[name] = outcome{Metadata: metadata}
	}
}
