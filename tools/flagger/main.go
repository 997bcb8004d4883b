// Command flagger replays traces of a metric through Flagger's own analysis, and prints what it decided of each. It is what
// bench/ compares the health room with.
//
// Standard input is one JSON object, see `rules` and `replay.Asked`. A look is judged by their code, from the query on; what is
// counted here is what their advanceCanary counts: each failed look, and a rollback in the pass after the threshold was reached.
package main

import (
	"fmt"
	"time"

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/canary"
	flaggerfake "github.com/fluxcd/flagger/pkg/client/clientset/versioned/fake"
	flaggerinformers "github.com/fluxcd/flagger/pkg/client/informers/externalversions"
	"github.com/fluxcd/flagger/pkg/controller"
	"github.com/fluxcd/flagger/pkg/metrics/observers"
	"github.com/fluxcd/flagger/pkg/notifier"
	"github.com/fluxcd/flagger/pkg/router"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"mlsecops/tools/replay"
)

// rules is what is asked for beside the traces.
type rules struct {
	Max       float64 `json:"max"`
	Threshold int     `json:"threshold"`
}

const namespace = "bench"

func main() {
	replay.Main(run)
}

func run(by rules, asked replay.Asked, server *replay.Server) ([]replay.Outcome, error) {
	control, informers, err := newController(server.URL)
	if err != nil {
		return nil, err
	}
	canaries := make([]*flaggerv1.Canary, len(asked.Traces))
	outcomes := make([]replay.Outcome, len(asked.Traces))
	for i := range canaries {
		canaries[i] = newCanary(i, by)
		outcomes[i] = replay.Outcome{At: -1, Phase: string(flaggerv1.CanaryPhaseProgressing)}
		if err := informers.MetricInformer.Informer().GetIndexer().Add(newTemplate(i, server.URL)); err != nil {
			return nil, err
		}
	}
	for look := 0; look < server.Looks; look++ {
		server.Look.Store(int64(look))
		for i, canary := range canaries {
			if canary.Status.Phase != flaggerv1.CanaryPhaseProgressing {
				continue
			}
			if canary.Status.FailedChecks >= canary.GetAnalysisThreshold() {
				outcomes[i].At = look
				canary.Status.Phase = flaggerv1.CanaryPhaseFailed
			} else if asked.PromotedAfter > 0 && look == asked.PromotedAfter {
				canary.Status.Phase = flaggerv1.CanaryPhaseSucceeded
			} else if !runAnalysis(control, canary) {
				canary.Status.FailedChecks++
			}
			if canary.Status.Phase != flaggerv1.CanaryPhaseProgressing {
				outcomes[i].Changes++
			}
		}
	}
	for i, canary := range canaries {
		outcomes[i].Phase = string(canary.Status.Phase)
		outcomes[i].Looks = int(server.Asked[i])
	}
	return outcomes, nil
}

func newCanary(index int, by rules) *flaggerv1.Canary {
	name := fmt.Sprintf("trace-%d", index)
	return &flaggerv1.Canary{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: flaggerv1.CanarySpec{
			Provider:  flaggerv1.KubernetesProvider,
			TargetRef: flaggerv1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			Analysis: &flaggerv1.CanaryAnalysis{
				Interval:  "1m",
				Threshold: by.Threshold,
				Metrics: []flaggerv1.CanaryMetric{{
					Name:           "errors",
					Interval:       "1m",
					ThresholdRange: &flaggerv1.CanaryThresholdRange{Max: &by.Max},
					TemplateRef:    &flaggerv1.CrossNamespaceObjectReference{Name: name},
				}},
			},
		},
		Status: flaggerv1.CanaryStatus{Phase: flaggerv1.CanaryPhaseProgressing},
	}
}

func newTemplate(index int, address string) *flaggerv1.MetricTemplate {
	return &flaggerv1.MetricTemplate{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("trace-%d", index)},
		Spec: flaggerv1.MetricTemplateSpec{
			Provider: flaggerv1.MetricTemplateProvider{Type: "prometheus", Address: address},
			Query:    fmt.Sprintf("trace_%d", index),
		},
	}
}

func newController(metricsServer string) (*controller.Controller, controller.Informers, error) {
	kube, flagger, logger := fake.NewSimpleClientset(), flaggerfake.NewSimpleClientset(), zap.NewNop().Sugar()
	factory := flaggerinformers.NewSharedInformerFactory(flagger, 0).Flagger().V1beta1()
	informers := controller.Informers{
		CanaryInformer: factory.Canaries(),
		MetricInformer: factory.MetricTemplates(),
		AlertInformer:  factory.AlertProviders(),
	}
	observer, err := observers.NewFactory(metricsServer)
	if err != nil {
		return nil, informers, err
	}
	control := controller.NewController(
		kube, nil, flagger, informers, 10*time.Second, logger, &notifier.NopNotifier{},
		canary.NewFactory(kube, flagger, nil, &canary.NopTracker{}, []string{"app"}, nil, logger),
		router.NewFactory(nil, kube, flagger, nil, "", "", logger, flagger, true),
		observer, flaggerv1.KubernetesProvider, "bench", "", "", false, nil,
	)
	return control, informers, nil
}
