// Command policy-controller verifies images against a ClusterImagePolicy as fast as it can, by the same code that
// policy-controller's webhook calls, and prints how fast that was. It is what bench/ compares the trust room with.
//
// Each line of standard input is an image reference; every worker takes the next one, round and round.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/policy-controller/pkg/policy"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"
)

// report is what is printed, as JSON. Times are in milliseconds, in ascending order.
type report struct {
	Seconds float64   `json:"seconds"`
	Millis  []float64 `json:"millis"`
	Failed  int       `json:"failed"`
	Error   string    `json:"error,omitempty"`
}

func main() {
	path := flag.String("policy", "", "file with one ClusterImagePolicy")
	workers := flag.Int("workers", 1, "how many verify at the same time")
	count := flag.Int("count", 1, "how many verifications")
	flag.Parse()

	// Its log costs time, and the webhook's default level would not write these lines.
	ctx := logging.WithLogger(context.Background(), zap.NewNop().Sugar())
	policies := []policy.Source{{Path: *path}}
	verifier, err := policy.Compile(ctx, policy.Verification{NoMatchPolicy: "deny", Policies: &policies}, log.Printf)
	if err != nil {
		log.Fatal(err)
	}
	var images []name.Reference
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		image, err := name.NewDigest(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		images = append(images, image)
	}
	if len(images) == 0 {
		log.Fatal("no image on standard input")
	}
	if err := json.NewEncoder(os.Stdout).Encode(measure(ctx, verifier, images, *workers, *count)); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, verifier policy.Verifier, images []name.Reference, workers, count int) report {
	var next atomic.Int64
	var group sync.WaitGroup
	var lock sync.Mutex
	result := report{Millis: []float64{}}
	begin := time.Now()
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				started := time.Now()
				err := verifier.Verify(ctx, images[i%int64(len(images))], authn.DefaultKeychain)
				took := time.Since(started)
				lock.Lock()
				result.Millis = append(result.Millis, float64(took.Microseconds())/1000)
				if err != nil {
					result.Failed++
					result.Error = err.Error()
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	result.Seconds = time.Since(begin).Seconds()
	slices.Sort(result.Millis)
	return result
}
