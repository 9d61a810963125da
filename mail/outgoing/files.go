package outgoing

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// files writes each message into a directory, under its id: a message that is
// sent again takes the place of itself. Its HTML, if it has any, is beside it as
// a file that a browser opens.
type files struct {
	dir  string
	from Sender
}

// Send writes each file as a whole or not at all, the message last. Nobody else
// may read them: a message may be for one person's eyes.
func (f *files) Send(ctx context.Context, m *Message) error {
	msg, err := compose(f.from, m)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("directory of messages: %w", err)
	}
	if m.HTML != "" {
		if err := f.write(m.ID+".html", strings.NewReader(m.HTML)); err != nil {
			return err
		}
	}
	return f.write(m.ID+".eml", msg)
}

func (f *files) write(name string, content io.WriterTo) (err error) {
	part, err := os.CreateTemp(f.dir, ".*.part")
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name()) // what is there already is the error
		}
	}()
	if _, err = content.WriteTo(part); err == nil {
		err = part.Sync()
	}
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part.Name(), filepath.Join(f.dir, name))
	}
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	return nil
}
