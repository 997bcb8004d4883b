package main

import (
	_ "unsafe" // for go:linkname

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/controller"
)

// What their controller asks of all metrics in each pass. It is not exported, and a copy of it would not be theirs any more.
//
//go:linkname runAnalysis github.com/fluxcd/flagger/pkg/controller.(*Controller).runAnalysis
func runAnalysis(c *controller.Controller, canary *flaggerv1.Canary) bool
