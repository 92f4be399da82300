// This program was built without uPlot; ./dev pages installs it. The console draws lines alone.
