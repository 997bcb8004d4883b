package main

import (
	_ "unsafe" // for go:linkname

	"github.com/argoproj/argo-rollouts/analysis"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
)

// What their controller does in each pass. It is not exported, and a copy of it would not be theirs any more.
//
//go:linkname reconcileAnalysisRun github.com/argoproj/argo-rollouts/analysis.(*Controller).reconcileAnalysisRun
func reconcileAnalysisRun(c *analysis.Controller, run *v1alpha1.AnalysisRun) *v1alpha1.AnalysisRun
