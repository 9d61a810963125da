package modelstest

import "testing"

// OnServer is the cast on a server of the test's own, which it may stop and
// start again: see StartServer.
func OnServer(t testing.TB, s *Server) *World {
	t.Helper()
	const name = "mandat"
	if err := s.Create(t.Context(), name, ""); err != nil {
		t.Fatal(err)
	}
	if err := load(s.URL(name)); err != nil {
		t.Fatal(err)
	}
	return open(t, asPanel(s.URL(name)), "pgx", s.URL(name))
}
