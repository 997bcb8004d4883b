// Package replay is what the programs have in common that replay traces of a metric through a peer's own analysis: what they
// read, what they write, and a metrics server in between.
package replay

import (
	"encoding/json"
	"io"
	"log"
	"os"
)

// Asked is what each of them is asked for, beside the rules of its peer.
type Asked struct {
	// After how many looks the rollout is done, and its analysis with it; 0 means never.
	PromotedAfter int `json:"promotedAfter"`
	// A value for each look; null where the query has no result.
	Traces [][]*float64 `json:"traces"`
}

// Outcome is what became of one trace.
type Outcome struct {
	// The look, counted from 0, after which it would have been given up; -1 where it never was.
	At    int    `json:"at"`
	Phase string `json:"phase"`
	// How often another phase was thought of it.
	Changes int `json:"changes"`
	Looks   int `json:"looks"`
}

// Main reads one JSON object from standard input, the rules and what else is asked for in one, and writes the outcome of each
// trace to standard output. It ends the process with status 1 when that is not possible.
func Main[Rules any](run func(Rules, Asked, *Server) ([]Outcome, error)) {
	if err := replay(run); err != nil {
		log.Fatal(err)
	}
}

func replay[Rules any](run func(Rules, Asked, *Server) ([]Outcome, error)) error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var rules Rules
	if err := json.Unmarshal(input, &rules); err != nil {
		return err
	}
	var asked Asked
	if err := json.Unmarshal(input, &asked); err != nil {
		return err
	}
	server, err := serve(asked.Traces)
	if err != nil {
		return err
	}
	outcomes, err := run(rules, asked, server)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}
