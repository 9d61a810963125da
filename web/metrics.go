package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are counted by the pattern of the route, never by the address asked
// for, of which there are as many as strangers like.
type metrics struct {
	registry *prometheus.Registry
	took     *prometheus.HistogramVec
	running  prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mandat_request_duration_seconds", Help: "Time until the answer began, by route and status.",
			Buckets: []float64{.005, .01, .025, .05, .1, .3, 1, 3, 10},
		}, []string{"method", "route", "status"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mandat_requests_running", Help: "Requests being answered."}),
	}
	m.registry.MustRegister(m.took, m.running, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// count is the middleware. An answer is counted when its status is sent: errors
// become a status only after the middleware.
func (m *metrics) count(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		m.running.Inc()
		defer m.running.Dec()
		c.Response().Before(func() {
			m.took.WithLabelValues(method(c.Request().Method), c.Path(), strconv.Itoa(c.Response().Status)).Observe(time.Since(began).Seconds())
		})
		return next(c)
	}
}

// method keeps what strangers make up out of the labels.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return name
	}
	return "other"
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}
