// Command argo-rollouts replays traces of a metric through Argo Rollouts' own analysis, and prints what it decided of each.
// It is what bench/ compares the health room with.
//
// Standard input is one JSON object, see `rules` and `replay.Asked`. The code is theirs from the query to the phase of the
// AnalysisRun; only the clock and the Prometheus server are ours.
package main

import (
	"fmt"
	"io"
	"time"

	"github.com/argoproj/argo-rollouts/analysis"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	argofake "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned/fake"
	argoinformers "github.com/argoproj/argo-rollouts/pkg/client/informers/externalversions"
	"github.com/argoproj/argo-rollouts/utils/record"
	timeutil "github.com/argoproj/argo-rollouts/utils/time"
	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	k8srecord "k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"mlsecops/tools/replay"
)

// rules is what is asked for beside the traces.
type rules struct {
	Condition    string `json:"condition"`
	FailureLimit int    `json:"failureLimit"`
}

const interval = time.Minute

func main() {
	logrus.SetOutput(io.Discard)
	replay.Main(run)
}

func run(by rules, asked replay.Asked, server *replay.Server) ([]replay.Outcome, error) {
	controller := newController()
	runs := make([]*v1alpha1.AnalysisRun, len(asked.Traces))
	outcomes := make([]replay.Outcome, len(asked.Traces))
	for i := range runs {
		runs[i] = newRun(i, by, server.URL)
		outcomes[i].At = -1
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	timeutil.SetNowTimeFunc(func() time.Time { return now })
	for look := 0; look < server.Looks; look++ {
		// A measurement is due when more than the interval has passed.
		now = now.Add(interval + time.Millisecond)
		server.Look.Store(int64(look))
		for i, run := range runs {
			if asked.PromotedAfter > 0 && look == asked.PromotedAfter {
				run.Spec.Terminate = true
			}
			before := run.Status.Phase
			runs[i] = reconcileAnalysisRun(controller, run)
			phase := runs[i].Status.Phase
			if phase != before && before != "" {
				outcomes[i].Changes++
			}
			if before.Completed() || !phase.Completed() {
				continue
			}
			if phase != v1alpha1.AnalysisPhaseSuccessful {
				outcomes[i].At = look
			}
		}
	}
	for i, run := range runs {
		outcomes[i].Phase = string(run.Status.Phase)
		outcomes[i].Looks = int(server.Asked[i])
	}
	return outcomes, nil
}

// newRun is a background analysis: it measures for as long as the rollout lasts.
func newRun(index int, by rules, address string) *v1alpha1.AnalysisRun {
	limit := intstr.FromInt(by.FailureLimit)
	return &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "bench", Name: fmt.Sprintf("trace-%d", index)},
		Spec: v1alpha1.AnalysisRunSpec{Metrics: []v1alpha1.Metric{{
			Name:             "errors",
			Interval:         v1alpha1.DurationString(interval.String()),
			SuccessCondition: by.Condition,
			FailureLimit:     &limit,
			Provider: v1alpha1.MetricProvider{Prometheus: &v1alpha1.PrometheusMetric{
				Address: address,
				Query:   fmt.Sprintf("trace_%d", index),
			}},
		}}},
	}
}

func newController() *analysis.Controller {
	kube, argo := fake.NewSimpleClientset(), argofake.NewSimpleClientset()
	kubeInformers := informers.NewSharedInformerFactory(kube, 0)
	return analysis.NewController(analysis.ControllerConfig{
		KubeClientSet:        kube,
		ArgoProjClientset:    argo,
		AnalysisRunInformer:  argoinformers.NewSharedInformerFactory(argo, 0).Argoproj().V1alpha1().AnalysisRuns(),
		JobInformer:          kubeInformers.Batch().V1().Jobs(),
		JobPodsInformer:      kubeInformers.Core().V1().Pods(),
		AnalysisRunWorkQueue: workqueue.NewRateLimitingQueue(workqueue.DefaultControllerRateLimiter()),
		Recorder:             silent{},
	})
}

// silent keeps no events.
type silent struct{}

func (silent) Eventf(runtime.Object, record.EventOptions, string, ...any) {}
func (silent) Warnf(runtime.Object, record.EventOptions, string, ...any)  {}
func (silent) K8sRecorder() k8srecord.EventRecorder                       { return k8srecord.NewFakeRecorder(0) }
