package replay

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Server answers the query "trace_N" with what trace N has at the look of the moment, as Prometheus would.
type Server struct {
	URL string
	// As many as the longest trace has.
	Looks int
	// Which one it is now, counted from 0.
	Look atomic.Int64
	// Queries of each trace.
	Asked []int64
}

func serve(traces [][]*float64) (*Server, error) {
	s := &Server{Asked: make([]int64, len(traces))}
	for _, trace := range traces {
		s.Looks = max(s.Looks, len(trace))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.URL = fmt.Sprintf("http://%s", listener.Addr())
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result := []any{}
		index, err := strconv.Atoi(strings.TrimPrefix(r.FormValue("query"), "trace_"))
		if err != nil || index >= len(traces) {
			http.Error(w, "no such trace", http.StatusBadRequest)
			return
		}
		atomic.AddInt64(&s.Asked[index], 1)
		if look := int(s.Look.Load()); look < len(traces[index]) && traces[index][look] != nil {
			value := strconv.FormatFloat(*traces[index][look], 'g', -1, 64)
			at := float64(time.Now().UnixMilli()) / 1000
			result = append(result, map[string]any{"metric": map[string]string{}, "value": []any{at, value}})
		}
		w.Header().Set("content-type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"status": "success",
			"data":   map[string]any{"resultType": "vector", "result": result},
		})
	}))
	return s, nil
}
