package modelstest

import (
	"strings"
	"sync"
)

// Log keeps what is logged, and may be read meanwhile.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write is io.Writer.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take is what was logged since the last time.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
