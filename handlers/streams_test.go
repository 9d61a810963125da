package handlers

import "testing"

func TestStreamsAreBoundedForEachPerson(t *testing.T) {
	var s streams
	var release []func()
	take := func(of who) bool {
		end, ok := s.take(of)
		if ok {
			release = append(release, end)
		}
		return ok
	}
	people := []who{{agent: 1}, {agent: 2}, {customer: 1}, {customer: 2}}
	for _, of := range people {
		for n := range streamsOfOne + 1 {
			if ok := take(of); ok != (n < streamsOfOne) {
				t.Errorf("stream %d of %+v: %v", n+1, of, ok)
			}
		}
	}
	release[0]()
	if !take(people[0]) || take(people[0]) || take(people[1]) {
		t.Error("one that ended makes room for one of the same person")
	}
	for _, end := range release[1:] {
		end()
	}
	if s.all != 0 || len(s.each) != 0 {
		t.Errorf("%d are counted after the end of all, %v", s.all, s.each)
	}
	for n := range maxStreams + 1 {
		if ok := take(who{agent: int64(n) + 1}); ok != (n < maxStreams) {
			t.Errorf("stream %d of all: %v", n+1, ok)
		}
	}
}
